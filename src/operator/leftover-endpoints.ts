import type { Logger } from 'pino'
import { hasStatus } from '../kubernetes/api-error.ts'
import type { ApiClient } from '../kubernetes/client.ts'
import type { KubeObject, ObjectList } from '../kubernetes/object.ts'
import { type Resource, resourceName } from '../kubernetes/resource.ts'
import type { Counter, Telemetry } from '../pipeline/telemetry.ts'
import { isOurs } from './managed.ts'

/** Objects of one page of a list. */
const PAGE_SIZE = 500

export interface LeftoverOptions {
  client: ApiClient
  log: Logger
  telemetry: Telemetry
  /** The kind of endpoint that is not written now. */
  resource: Resource
}

/** What this operator wrote while it ran with the other setting of `--endpoint-slices`: nobody keeps it up to date any more. */
export class LeftoverEndpoints {
  readonly #options: LeftoverOptions
  readonly #deleted: Counter
  #cleared = false

  constructor(options: LeftoverOptions) {
    this.#options = options
    this.#deleted = options.telemetry.counter(
      'fovea_operator_leftovers_deleted',
      'Endpoint objects of the other kind (--endpoint-slices) deleted.',
    )
  }

  /** Deletes them, once; what fails is told and left to the next call. */
  async clear(signal: AbortSignal): Promise<void> {
    if (this.#cleared) return
    const { log, resource } = this.#options
    try {
      const count = await this.#deleteAll(signal)
      this.#cleared = true
      if (count > 0) log.info(`${count} ${resourceName(resource)} of before --endpoint-slices was changed: deleted`)
    } catch (error) {
      signal.throwIfAborted()
      // Without the CRD there are none.
      if (hasStatus(error, 404)) this.#cleared = true
      else
        log.warn(
          `${(error as Error).message}; objects of before --endpoint-slices was changed stay until the next pass`,
        )
    }
  }

  async #deleteAll(signal: AbortSignal): Promise<number> {
    const { client, resource } = this.#options
    let count = 0
    let token: string | undefined
    do {
      const query = { limit: PAGE_SIZE, continue: token }
      const page = await client.list<ObjectList<KubeObject>>(resource, { query }, signal)
      for (const { metadata } of page.items ?? []) if (isOurs(metadata)) count += await this.#delete(metadata, signal)
      token = page.metadata.continue === '' ? undefined : page.metadata.continue
    } while (token !== undefined)
    return count
  }

  /** @returns how many were deleted: 0 when it went by itself */
  async #delete({ namespace, name, uid }: KubeObject['metadata'], signal: AbortSignal): Promise<number> {
    const place = { name, ...(namespace !== undefined && { namespace }) }
    try {
      await this.#options.client.delete(this.#options.resource, place, { preconditions: { uid } }, signal)
      this.#deleted.add(1)
      return 1
    } catch (error) {
      if (!hasStatus(error, 404, 409)) throw error
      return 0
    }
  }
}
