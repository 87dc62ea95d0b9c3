import type { FlowBatch } from '../../flow/batch.ts'
import type { EndpointTable } from '../../flow/endpoint.ts'

const KEPT_MS = 60 * 60 * 1000

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

  constructor(table: EndpointTable, clock: () => number = Date.now) {
    this.#table = table
    this.#clock = clock
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
    const oldest = (this.#clock() - KEPT_MS) / 60_000
    const found = new Map<string, Namespace>()
    for (let id = 0; id < this.#table.size; id++) {
      const { clusterName: cluster, namespace } = this.#table.get(id)
      if (namespace !== '' && this.#seen[id]! >= oldest) found.set(`${cluster}/${namespace}`, { cluster, namespace })
    }
    return [...found.values()].sort((a, b) => compare(a.cluster, b.cluster) || compare(a.namespace, b.namespace))
  }

  #grow(): void {
    const larger = new Uint32Array(2 * this.#table.size)
    larger.set(this.#seen)
    this.#seen = larger
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b)
}
