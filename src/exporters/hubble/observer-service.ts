import {
  Metadata,
  type MethodDefinition,
  type ServerUnaryCall,
  type ServiceDefinition,
  type sendUnaryData,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js'
import { NodeState, type ObservedNode } from '../../flow/observed-nodes.ts'
import { serviceMethods } from '../../hubble/definition.ts'
import type { FilterContext } from '../../hubble/filters/flow-filter.ts'
import { type EventCallsContext, eventCalls } from './event-calls.ts'
import { flowQuery, InvalidRequestError } from './flow-query.ts'
import { FlowReader } from './flow-reader.ts'
import { decodeFlowsRequest } from './flow-request.ts'
import { FlowStream, type FlowsCall, type StreamContext } from './flow-stream.ts'
import type { Namespace } from './namespaces.ts'
import type { NodeStatus } from './node-status.ts'
import type { NamedPeer, Peers } from './peers.ts'

/** Nodes that `ServerStatus` names as unavailable, as many as hubble-relay does. */
const MOST_UNAVAILABLE = 10

export interface ObserverContext extends StreamContext, EventCallsContext {
  filters: FilterContext
  /** Of this program, semver. */
  version: string
  status(): NodeStatus
  namespaces(): Namespace[]
  peers: Peers
}

/** `observer.Observer`: definition and implementation for a gRPC server. */
export function observerService(context: ObserverContext): [ServiceDefinition, UntypedServiceImplementation] {
  const version = new Metadata()
  version.set('hubble-server-version', context.version)
  const unary = (answer: () => object) => (call: ServerUnaryCall<object, object>, reply: sendUnaryData<object>) => {
    call.sendMetadata(version)
    reply(null, answer())
  }
  const implementation = {
    GetFlows: (call: FlowsCall) => {
      call.sendMetadata(version)
      getFlows(call, context)
    },
    ...eventCalls(context, version),
    GetNodes: unary(() => nodes(context)),
    GetNamespaces: unary(() => ({ namespaces: context.namespaces() })),
    ServerStatus: unary(() => ({ ...serverStatus(context.status()), ...observedStatus(context.peers.observed()) })),
  }
  return [withRawFlows(serviceMethods('observer.Observer')), implementation]
}

/** Flows are encoded from columns, not from objects; requests are looked at before they are decoded. */
function withRawFlows(methods: ReturnType<typeof serviceMethods>): ServiceDefinition {
  const raw = (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const getFlows = { ...methods.GetFlows, requestDeserialize: raw, responseSerialize: raw } as MethodDefinition<
    Uint8Array,
    Uint8Array
  >
  return { ...methods, GetFlows: getFlows } as ServiceDefinition
}

function getFlows(call: FlowsCall, context: ObserverContext): void {
  try {
    const query = flowQuery(decodeFlowsRequest(call.request), context.filters)
    const stream = new FlowStream(call, new FlowReader(context.ring, query), context)
    context.streams.run(call, stream)
  } catch (error) {
    // Upstream answers malformed filters with UNKNOWN, and the CLI prints the bare message for that code alone.
    const code = error instanceof InvalidRequestError ? status.INVALID_ARGUMENT : status.UNKNOWN
    call.emit('error', { code, details: (error as Error).message })
  }
}

function serverStatus({ flows, maxFlows, seenFlows, uptimeNs, version, flowsRate }: NodeStatus): object {
  return {
    num_flows: flows,
    max_flows: maxFlows,
    seen_flows: seenFlows,
    uptime_ns: uptimeNs,
    version: `fovea v${version}`,
    flows_rate: flowsRate,
  }
}

/** Numbers that a relay adds: here of nodes whose flows come from other observers, where there are any. */
function observedStatus(observed: readonly ObservedNode[]): object {
  if (observed.length === 0) return {}
  const unavailable = observed.filter(({ state }) => state === NodeState.UNAVAILABLE || state === NodeState.ERROR)
  return {
    num_connected_nodes: { value: observed.length - unavailable.length },
    num_unavailable_nodes: { value: unavailable.length },
    unavailable_nodes: unavailable.slice(0, MOST_UNAVAILABLE).map(({ name }) => name),
  }
}

function nodes({ status, peers }: ObserverContext): object {
  const observed = peers.observed().map((node) => ({ ...otherNode(node), state: node.state }))
  return { nodes: [nodeOf(status()), ...peers.others().map(otherNode), ...observed] }
}

/** A node that this one knows of, and does not ask: its state stays unknown. */
function otherNode({ name, address, tlsServerName }: NamedPeer): object {
  return { name, address, tls: { enabled: tlsServerName !== undefined, server_name: tlsServerName ?? '' } }
}

function nodeOf(node: NodeStatus): object {
  return {
    name: node.name,
    version: `fovea v${node.version}`,
    address: node.address,
    state: NodeState.CONNECTED,
    tls: { enabled: node.tlsServerName !== undefined, server_name: node.tlsServerName ?? '' },
    uptime_ns: node.uptimeNs,
    num_flows: node.flows,
    max_flows: node.maxFlows,
    seen_flows: node.seenFlows,
  }
}
