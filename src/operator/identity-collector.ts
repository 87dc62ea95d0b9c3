import type { Logger } from 'pino'
import { hasStatus } from '../kubernetes/api-error.ts'
import { IDENTITIES } from '../kubernetes/cilium.ts'
import type { ApiClient } from '../kubernetes/client.ts'
import type { Counter, Telemetry } from '../pipeline/telemetry.ts'
import { markUnused } from './identity-allocator.ts'
import type { Identity, IdentityIndex } from './identity-index.ts'

export interface IdentityCollectorOptions {
  client: ApiClient
  index: IdentityIndex
  /** Numbers that some endpoint has, whoever made it. */
  used(): ReadonlySet<number>
  /** How long an identity stays when nobody uses it. */
  graceMs: number
  log: Logger
  telemetry: Telemetry
  clock?: () => number
}

/**
 * Removes identities that no endpoint has used for a while, in two passes: the first writes the time onto the object, a later
 * one deletes it if it is still as the first left it. Whoever takes the identity up in between changes the object, which makes
 * the deletion fail; the mark being on the object, the wait goes on over a restart.
 */
export class IdentityCollector {
  readonly #options: IdentityCollectorOptions
  readonly #clock: () => number
  readonly #passes: Counter
  readonly #deleted: Counter
  readonly #failed: Counter

  constructor(options: IdentityCollectorOptions) {
    this.#options = options
    this.#clock = options.clock ?? Date.now
    const { telemetry } = options
    this.#passes = telemetry.counter('fovea_operator_identity_gc_passes', 'Passes over all identities.')
    this.#deleted = telemetry.counter('fovea_operator_identities_deleted', 'CiliumIdentities collected as unused.')
    this.#failed = telemetry.counter('fovea_operator_identity_gc_failures', 'Identities that a pass could not handle.')
  }

  /** One pass over all identities. What fails is counted and left to the next pass. */
  async pass(signal: AbortSignal): Promise<void> {
    const used = this.#options.used()
    for (const identity of [...this.#options.index.values()]) {
      if (signal.aborted) return
      if (!identity.ours) continue
      try {
        await this.#judge(identity, used.has(identity.number), signal)
      } catch (error) {
        if (signal.aborted) return
        this.#lost(identity, error)
      }
    }
    this.#passes.add(1)
  }

  async #judge(identity: Identity, used: boolean, signal: AbortSignal): Promise<void> {
    const { client, index, graceMs } = this.#options
    if (used && identity.unusedSince !== '') index.put(await markUnused(client, identity, null, signal))
    if (used) return
    const sinceMs = Date.parse(identity.unusedSince)
    if (Number.isNaN(sinceMs)) {
      const now = new Date(this.#clock()).toISOString()
      index.put(await markUnused(client, identity, now, signal))
      return
    }
    if (this.#clock() - sinceMs < graceMs) return
    const preconditions = { uid: identity.uid, resourceVersion: identity.version }
    await client.delete(IDENTITIES, { name: String(identity.number) }, { preconditions }, signal)
    index.remove(identity)
    this.#deleted.add(1)
  }

  #lost(identity: Identity, error: unknown): void {
    // Somebody else changed or removed it: the watch brings what it is now.
    if (hasStatus(error, 404, 409)) return
    this.#failed.add(1)
    this.#options.log.warn(`identity ${identity.number}: ${(error as Error).message}; the next pass tries again`)
  }
}
