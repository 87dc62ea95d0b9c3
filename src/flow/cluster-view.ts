import { performance } from 'node:perf_hooks'
import type { AgentEvent } from './agent-event.ts'
import type { Endpoint } from './endpoint.ts'
import { EventLog } from './event-log.ts'
import { ObservedNodes } from './observed-nodes.ts'

/** A node that runs an agent. */
export interface Peer {
  /** Name of the node, without the cluster's. */
  readonly node: string
  /** Address without port; `''` = none is known yet. */
  readonly address: string
}

export type PeerChange = { at: 'added' | 'updated' | 'deleted'; peer: Peer }

/** Says who is in the cluster now, whoever had flows. */
export interface Census {
  /** The pod, node or service of an endpoint, found by its name, as flows would show it now; undefined = it is gone. */
  now(endpoint: Endpoint): Endpoint | undefined
  /** The pods of these namespaces as flows would show them now, and of the namespace `''` the nodes. */
  members(namespaces: ReadonlySet<string>): Iterable<Endpoint>
}

/** The cluster as the agent of one node sees it: filled by a processor, read by what serves flows. Empty outside clusters. */
export class ClusterView {
  /** Labels of this node, `key=value`, sorted. */
  nodeLabels: readonly string[] = []
  /** What happened to this agent and in its cluster, beginning with the start of the process. */
  readonly events = new EventLog<AgentEvent>()
  /** Nodes whose flows come from other observers. */
  readonly observed = new ObservedNodes()
  readonly #censuses = new Set<Census>()
  readonly #peers = new Map<string, Peer>()
  readonly #listeners = new Set<(change: PeerChange) => void>()

  constructor() {
    this.events.append({ at: 'agent_started', startMs: performance.timeOrigin })
  }

  /** Asks `census` from now on. Returns a function that ends that. */
  addCensus(census: Census): () => void {
    this.#censuses.add(census)
    return () => this.#censuses.delete(census)
  }

  /** What the first census that knows it says of the pod, node or service of an endpoint. See {@link Census}. */
  now(endpoint: Endpoint): Endpoint | undefined {
    for (const census of this.#censuses) {
      const now = census.now(endpoint)
      if (now !== undefined) return now
    }
    return undefined
  }

  /** What all of them say. */
  *members(namespaces: ReadonlySet<string>): Iterable<Endpoint> {
    for (const census of this.#censuses) yield* census.members(namespaces)
  }

  /** Every node with an agent, this one too where it is known. */
  get peers(): Iterable<Peer> {
    return this.#peers.values()
  }

  /** The agent of one node. */
  peer(node: string): Peer | undefined {
    return this.#peers.get(node)
  }

  /** A node has an agent there. */
  setPeer(peer: Peer): void {
    const known = this.#peers.get(peer.node)
    if (known?.address === peer.address) return
    this.#peers.set(peer.node, peer)
    this.#tell({ at: known === undefined ? 'added' : 'updated', peer })
  }

  /** A node has none any more. */
  deletePeer(node: string): void {
    const peer = this.#peers.get(node)
    if (peer === undefined) return
    this.#peers.delete(node)
    this.#tell({ at: 'deleted', peer })
  }

  /** Calls `listener` at every change. Returns a function that ends that. */
  listen(listener: (change: PeerChange) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #tell(change: PeerChange): void {
    for (const listener of this.#listeners) listener(change)
  }
}
