import type { ClusterView, Peer, PeerChange } from '../../flow/cluster-view.ts'
import type { ObservedNode } from '../../flow/observed-nodes.ts'
import { formatEndpoint } from '../../pipeline/endpoint.ts'
import type { NodeStatus } from './node-status.ts'

/** A node as `peer.ChangeNotification` and `observer.Node` name it. */
export interface NamedPeer {
  /** `cluster/node` outside the cluster named `default`. */
  name: string
  address: string
  /** Only with TLS. */
  tlsServerName: string | undefined
}

/** `flow.ChangeNotificationType` */
const TYPES = { added: 1, deleted: 2, updated: 3 } as const

/** A change as hubble-relay is told of it. */
export interface PeerNotification extends NamedPeer {
  type: (typeof TYPES)[keyof typeof TYPES]
}

export interface PeersSettings {
  view: ClusterView
  /** This node, which is always one of them. */
  self(): NodeStatus
  /** This node's name as the cluster has it. */
  ownNode: string
  /** Adds the cluster to the name of a node. */
  fullName(node: string): string
  /** Port at which agents listen; 0 = they do not. */
  port(): number
  /** Name in the certificate of a node's agent; undefined without TLS. */
  tlsServerName(node: string): string | undefined
}

/** The nodes of the cluster that run agents. All of them listen at the same port, as pods of one DaemonSet do. */
export class Peers {
  readonly #settings: PeersSettings

  constructor(settings: PeersSettings) {
    this.#settings = settings
  }

  /** Every node but this one. */
  others(): NamedPeer[] {
    const peers = [...this.#settings.view.peers]
    return peers.filter((peer) => !this.#isSelf(peer)).map((peer) => this.#named(peer))
  }

  /** Nodes whose flows come from other observers: clients are told of them, and need not ask them. */
  observed(): ObservedNode[] {
    return this.#settings.view.observed.list()
  }

  /** Every node as just added, this one first. */
  initial(): PeerNotification[] {
    return [this.#self(), ...this.others()].map((peer) => ({ ...peer, type: TYPES.added }))
  }

  /** Calls `listener` at every change. This node never goes. Returns a function that ends that. */
  listen(listener: (change: PeerNotification) => void): () => void {
    return this.#settings.view.listen(({ at, peer }: PeerChange) => {
      if (this.#isSelf(peer)) listener({ ...this.#self(), type: TYPES.updated })
      else listener({ ...this.#named(peer), type: TYPES[at] })
    })
  }

  #self(): NamedPeer {
    const { name, address, tlsServerName } = this.#settings.self()
    return { name, address, tlsServerName }
  }

  #isSelf({ node }: Peer): boolean {
    return node === this.#settings.ownNode
  }

  #named({ node, address: host }: Peer): NamedPeer {
    const { port, fullName, tlsServerName } = this.#settings
    const address = host === '' ? '' : formatEndpoint({ host, port: port() })
    return { name: fullName(node), address, tlsServerName: tlsServerName(node) }
  }
}
