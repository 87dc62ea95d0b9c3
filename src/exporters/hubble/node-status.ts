/** What this node tells of itself: ServerStatus, GetNodes, Peer.Notify. */
export interface NodeStatus {
  name: string
  address: string
  /** Only with TLS. */
  tlsServerName: string | undefined
  version: string
  uptimeNs: number
  /** Events that can be read now, and how many that can be. */
  flows: number
  maxFlows: number
  seenFlows: number
  flowsRate: number
}
