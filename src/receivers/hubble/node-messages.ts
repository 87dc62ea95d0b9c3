import type { LostEvents } from '../../flow/batch.ts'
import { messageType } from '../../hubble/definition.ts'

/** `relay.NodeStatusEvent` */
export interface NodeStatus {
  state_change: number
  node_names: string[]
  message: string
}

interface Timestamp {
  seconds?: number
  nanos?: number
}

interface LostEvent {
  source: number
  num_events_lost: number
  first: Timestamp | null
  last: Timestamp | null
}

/** Decodes what an observer says of its nodes. @throws Error when it is malformed */
export function decodeNodeStatus(bytes: Uint8Array): NodeStatus {
  return messageType('relay.NodeStatusEvent').deserialize(Buffer.from(bytes)) as NodeStatus
}

/** Decodes `flow.LostEvent`. @throws Error when it is malformed */
export function decodeLostEvents(bytes: Uint8Array): LostEvents {
  const { source, num_events_lost, first, last } = messageType('flow.LostEvent').deserialize(
    Buffer.from(bytes),
  ) as LostEvent
  const times = { firstMs: milliseconds(first), lastMs: milliseconds(last) }
  return {
    source,
    count: num_events_lost,
    ...(times.firstMs === undefined ? {} : { firstMs: times.firstMs }),
    ...(times.lastMs === undefined ? {} : { lastMs: times.lastMs }),
  }
}

function milliseconds(time: Timestamp | null): number | undefined {
  return time ? (time.seconds ?? 0) * 1000 + Math.floor((time.nanos ?? 0) / 1e6) : undefined
}
