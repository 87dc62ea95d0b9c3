/** `relay.NodeState`, as far as it is used. */
export const NodeState = { UNKNOWN: 0, CONNECTED: 1, UNAVAILABLE: 2, GONE: 3, ERROR: 4 } as const

/** A node whose flows come from another observer. */
export interface ObservedNode {
  /** `[cluster/]node` */
  readonly name: string
  /** Where its observer is reached; `''` = not known: a relay told of it. */
  readonly address: string
  /** Name in the observer's certificate; undefined without TLS. */
  readonly tlsServerName: string | undefined
  /** `NodeState` */
  readonly state: number
}

/** Most nodes: those that relays tell of are bounded by nothing else. */
const MOST_NODES = 10_000

/** The nodes a gateway gets flows of: filled by a receiver, read by what serves flows. */
export class ObservedNodes {
  readonly #nodes = new Map<string, ObservedNode>()

  get size(): number {
    return this.#nodes.size
  }

  /** In the order of their names. */
  list(): ObservedNode[] {
    return [...this.#nodes.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  get(name: string): ObservedNode | undefined {
    return this.#nodes.get(name)
  }

  set(node: ObservedNode): void {
    if (this.#nodes.has(node.name) || this.#nodes.size < MOST_NODES) this.#nodes.set(node.name, node)
  }

  delete(name: string): void {
    this.#nodes.delete(name)
  }
}
