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

/** Requests under way at a time; whoever comes then is answered at a later flow. */
const MOST_PENDING = 16

/**
 * Who controls a ReplicaSet or a Job, asked of the API server (metadata alone) when a flow first names such a pod. To watch all
 * of them would hold every old ReplicaSet of a cluster in memory, ten for each Deployment.
 */
export class OwnerLookup {
  readonly #client: ApiClient
  readonly #log: Logger
  readonly #known = new Map<string, Workload>()
  readonly #pending = new Set<string>()
  readonly #stopping = new AbortController()
  #told = false

  constructor(client: ApiClient, log: Logger) {
    this.#client = client
    this.#log = log
  }

  /** The workload behind `workload`, itself as long as nobody knows better. @param found called when an answer changes that */
  behind(namespace: string, workload: Workload, found: () => void): Workload {
    const key = `${workload.kind}/${namespace}/${workload.name}`
    const known = this.#known.get(key)
    if (known !== undefined) return known
    if (!this.#pending.has(key) && this.#pending.size < MOST_PENDING) {
      this.#pending.add(key)
      void this.#ask(namespace, workload)
        .then((owner) => {
          this.#remember(key, owner)
          if (owner !== workload) found()
        })
        .catch((error) => this.#failed(error, key, workload))
        .finally(() => this.#pending.delete(key))
    }
    return workload
  }

  stop(): void {
    this.#stopping.abort()
  }

  async #ask(namespace: string, workload: Workload): Promise<Workload> {
    const { signal } = this.#stopping
    const resource = RESOURCES[workload.kind]!
    const { metadata } = await this.#client.get<KubeObject>(resource, { namespace, name: workload.name }, signal)
    const owner = metadata.ownerReferences?.find(({ controller }) => controller === true)
    return owner === undefined ? workload : { name: owner.name, kind: owner.kind }
  }

  #failed(error: Error, key: string, workload: Workload): void {
    if (this.#stopping.signal.aborted) return
    // Gone or forbidden: that does not get better by asking again.
    if (hasStatus(error, 403, 404)) this.#remember(key, workload)
    if (hasStatus(error, 404) || this.#told) return
    this.#told = true
    this.#log.warn(`${error.message}; workloads are named by their ReplicaSet or Job`)
  }

  #remember(key: string, workload: Workload): void {
    this.#known.set(key, workload)
    const [oldest] = this.#known.keys()
    if (this.#known.size > MOST_KNOWN && oldest !== undefined) this.#known.delete(oldest)
  }
}
