import type { ServiceName } from './endpoint.ts'

/** What happens to the agent and around it, besides flows: `flow.AgentEvent`. */
export type AgentEvent = AgentStarted | EndpointChange | AddressChange | ServiceUpserted | ServiceDeleted

export interface AgentStarted {
  readonly at: 'agent_started'
  /** Unix milliseconds. */
  readonly startMs: number
}

/** Who is told of. Asked for when the event is first read: while a cluster is listed, its parts come in no order. */
export interface EventEnd {
  readonly identity: number
  /** Number of the endpoint on this node. */
  readonly localId: number
  readonly labels: readonly string[]
}

/** A pod of this node came or went. */
export interface EndpointChange {
  readonly at: 'endpoint_created' | 'endpoint_deleted'
  readonly namespace: string
  readonly podName: string
  readonly end: () => EventEnd
}

/** An address has an identity, or none any more. */
export interface AddressChange {
  readonly at: 'ipcache_upserted' | 'ipcache_deleted'
  readonly address: string
  readonly identity: () => number
  /** The identity it had before; left out where it had none. */
  readonly oldIdentity?: () => number
  /** Address of the node it is on; `''` = not known, or a node's own. */
  readonly hostAddress: string
  /** `''` for nodes. */
  readonly namespace: string
  readonly podName: string
}

/** One port at one address. */
export interface ServiceAddress {
  readonly address: string
  readonly port: number
}

export interface ServiceUpserted {
  readonly at: 'service_upserted'
  /** Number of the service in this agent. */
  readonly id: number
  readonly service: ServiceName
  /** `ClusterIP`, or `None` for a service without an address of its own. */
  readonly type: string
  readonly frontend: ServiceAddress | undefined
  readonly backends: () => readonly ServiceAddress[]
}

export interface ServiceDeleted {
  readonly at: 'service_deleted'
  readonly id: number
}
