import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Workload } from '../../flow/endpoint.ts'
import { hasStatus } from '../../kubernetes/api-error.ts'
import type { ApiClient } from '../../kubernetes/client.ts'
import type { KubeObject } from '../../kubernetes/object.ts'
import type { Resource } from '../../kubernetes/resource.ts'

const RESOURCES: Readonly<Record<string, Resource>> = {
  ReplicaSet: { group: 'apps', version: 'v1', plural: 'replicasets', metadataOnly: true },
  Job: { group: 'batch', version: 'v1', plural: 'jobs', metadataOnly: true },
}

/** Answers remembered; the oldest are forgotten. */
const MOST_KNOWN = 10_000

/** Questions under way at a time; the workloads beyond go by the name of their ReplicaSet or Job. */
const MOST_PENDING = 1_000

/** After a failure it is asked again at the next flow, but not before this. */
const RETRY_MS = 5_000

/**
 * Who controls a ReplicaSet or a Job, asked of the API server (metadata alone) when a flow first names such a pod. To watch all
 * of them would hold every old ReplicaSet of a cluster in memory, ten for each Deployment.
 */
export class OwnerLookup {
  readonly #client: ApiClient
  readonly #log: Logger
  readonly #known = new Map<string, Workload>()
  /** Who wants to know of the answers that are under way. */
  readonly #pending = new Map<string, (() => void)[]>()
  readonly #stopping = new AbortController()
  #told = false

  constructor(client: ApiClient, log: Logger) {
    this.#client = client
    this.#log = log
  }

  /** The workload behind `workload`, itself as long as nobody knows better. @param changed called when that is over */
  behind(namespace: string, workload: Workload, changed: () => void): Workload {
    const key = `${workload.kind}/${namespace}/${workload.name}`
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const waiting = this.#pending.get(key)
    if (waiting !== undefined) waiting.push(changed)
    else if (this.#pending.size < MOST_PENDING) {
      this.#pending.set(key, [changed])
      void this.#resolve(key, namespace, workload)
    }
    return workload
  }

  stop(): void {
    this.#stopping.abort()
  }

  async #resolve(key: string, namespace: string, workload: Workload): Promise<void> {
    try {
      const owner = await this.#ask(namespace, workload)
      this.#remember(key, owner)
      if (owner !== workload) this.#tell(key)
    } catch (error) {
      if (!this.#failed(error as Error, key, workload)) await this.#pause()
      this.#tell(key)
    } finally {
      this.#pending.delete(key)
    }
  }

  #tell(key: string): void {
    for (const changed of this.#pending.get(key) ?? []) changed()
  }

  async #pause(): Promise<void> {
    await sleep(RETRY_MS, undefined, { signal: this.#stopping.signal, ref: false }).catch(() => {}) // stop() ends it
  }

  async #ask(namespace: string, workload: Workload): Promise<Workload> {
    const { signal } = this.#stopping
    const resource = RESOURCES[workload.kind]!
    const { metadata } = await this.#client.get<KubeObject>(resource, { namespace, name: workload.name }, signal)
    const owner = metadata.ownerReferences?.find(({ controller }) => controller === true)
    return owner === undefined ? workload : { name: owner.name, kind: owner.kind }
  }

  /** @returns whether that is final */
  #failed(error: Error, key: string, workload: Workload): boolean {
    if (this.#stopping.signal.aborted) return true
    // Gone or forbidden: that does not get better by asking again.
    const final = hasStatus(error, 403, 404)
    if (final) this.#remember(key, workload)
    if (hasStatus(error, 404) || this.#told) return final
    this.#told = true
    this.#log.warn(`${error.message}; workloads are named by their ReplicaSet or Job`)
    return final
  }

  #remember(key: string, workload: Workload): void {
    this.#known.set(key, workload)
    const [oldest] = this.#known.keys()
    if (this.#known.size > MOST_KNOWN && oldest !== undefined) this.#known.delete(oldest)
  }
}
