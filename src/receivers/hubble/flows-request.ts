import type { ClientReadableStream } from '@grpc/grpc-js'
import { serviceMethods } from '../../hubble/definition.ts'
import { readFlowFilters } from '../../hubble/filters/read-json.ts'
import type { Channel } from './channel.ts'
import type { HubbleReceiverConfig } from './config.ts'
import type { Timestamp } from './seen-flows.ts'

/** What of `observer.GetFlowsRequest` is used here. */
export interface FlowsRequest {
  number: number
  since?: Timestamp
  whitelist: object[]
  blacklist: object[]
}

/** The configured filters as a request has them. */
export function requestFilters(config: HubbleReceiverConfig): Pick<FlowsRequest, 'whitelist' | 'blacklist'> {
  const list = (written: readonly unknown[]) => readFlowFilters(written).map(withoutBigInts)
  return { whitelist: list(config.include), blacklist: list(config.exclude) }
}

/** protobufjs takes 64-bit integers as text. */
function withoutBigInts(filter: object): object {
  const { ip_trace_id, ...rest } = filter as { ip_trace_id?: bigint[] }
  return ip_trace_id === undefined ? filter : { ...rest, ip_trace_id: ip_trace_id.map(String) }
}

/** Follows the flows of an observer; answers stay encoded. */
export function followFlows(channel: Channel, request: FlowsRequest): ClientReadableStream<Uint8Array> {
  const { path, requestSerialize } = serviceMethods('observer.Observer').GetFlows!
  const bytes = (answer: Uint8Array) => answer
  const call = channel.client.makeServerStreamRequest(
    path,
    requestSerialize,
    bytes,
    { ...request, follow: true },
    channel.metadata,
  )
  return call as ClientReadableStream<Uint8Array>
}
