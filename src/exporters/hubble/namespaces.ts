import type { FlowBatch } from '../../flow/batch.ts'
import type { EndpointTable } from '../../flow/endpoint.ts'

/** How long a namespace is told of. */
export const NAMESPACE_MS = 60 * 60 * 1000

/** Most namespaces of endpoints that are gone: other observers may name any number. Those told of longest ago go first. */
const MOST_PAST = 10_000

export interface Namespace {
  cluster: string
  namespace: string
}

/** The namespaces of endpoints seen in flows during the last hour. */
export class SeenNamespaces {
  readonly #table: EndpointTable
  readonly #clock: () => number
  /** By endpoint id: Unix minute of the last flow. */
  #seen = new Uint32Array(64)
  /** By `cluster/namespace`: Unix minute of the last flow of an endpoint that is gone. */
  readonly #past = new Map<string, number>()

  readonly #unwatch: () => void

  constructor(table: EndpointTable, clock: () => number = Date.now) {
    this.#table = table
    this.#clock = clock
    // The id becomes another endpoint's; its namespace was seen all the same.
    this.#unwatch = table.watchRemovals((id) => this.#keep(id))
  }

  close(): void {
    this.#unwatch()
  }

  add({ columns: { sourceEndpoint, destinationEndpoint }, length }: FlowBatch): void {
    if (this.#seen.length < this.#table.size) this.#grow()
    const now = Math.floor(this.#clock() / 60_000)
    for (let row = 0; row < length; row++) {
      this.#seen[sourceEndpoint[row]!] = now
      this.#seen[destinationEndpoint[row]!] = now
    }
  }

  /** Sorted by cluster, then namespace. */
  list(): Namespace[] {
    const oldest = (this.#clock() - NAMESPACE_MS) / 60_000
    const found = new Map<string, Namespace>()
    for (const [key, minute] of this.#past) {
      const [cluster = '', namespace = ''] = key.split('/')
      if (minute >= oldest) found.set(key, { cluster, namespace })
      else this.#past.delete(key)
    }
    for (let id = 0; id < this.#table.size; id++) {
      const { clusterName, namespace } = this.#table.get(id)
      if (namespace === '' || !(this.#seen[id]! >= oldest)) continue
      const cluster = shownCluster(clusterName)
      found.set(`${cluster}/${namespace}`, { cluster, namespace })
    }
    return [...found.values()].sort((a, b) => compare(a.cluster, b.cluster) || compare(a.namespace, b.namespace))
  }

  /** Those of flows of before, at the flows' own times. */
  recall({ columns: { sourceEndpoint, destinationEndpoint, timeSeconds }, length }: FlowBatch): void {
    const minutes = new Map<number, number>()
    for (let row = 0; row < length; row++) {
      const minute = Math.floor(timeSeconds[row]! / 60)
      for (const id of [sourceEndpoint[row]!, destinationEndpoint[row]!])
        if (minute > (minutes.get(id) ?? 0)) minutes.set(id, minute)
    }
    for (const [id, minute] of minutes) this.#remember(id, minute)
  }

  #keep(id: number): void {
    const minute = this.#seen[id] ?? 0
    if (minute === 0) return
    this.#seen[id] = 0
    this.#remember(id, minute)
  }

  #remember(id: number, minute: number): void {
    const { clusterName, namespace } = this.#table.get(id)
    if (namespace === '') return
    const key = `${shownCluster(clusterName)}/${namespace}`
    const latest = Math.max(minute, this.#past.get(key) ?? 0)
    // Behind all others.
    this.#past.delete(key)
    this.#past.set(key, latest)
    if (this.#past.size > MOST_PAST) for (const oldest of this.#past.keys()) return void this.#past.delete(oldest)
  }

  #grow(): void {
    const larger = new Uint32Array(2 * this.#table.size)
    larger.set(this.#seen)
    this.#seen = larger
  }
}

/** As Hubble: the cluster named `default` has no name here. */
function shownCluster(name: string): string {
  return name === 'default' ? '' : name
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b)
}
