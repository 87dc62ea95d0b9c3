import type { LostEvents } from '../../flow/batch.ts'
import { messageType } from '../../hubble/definition.ts'

/** Longest name of a node that is kept, and longest address: what is longer is none. */
export const MOST_CHARACTERS = 512

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
  source?: number
  num_events_lost?: number
  first?: Timestamp | null
  last?: Timestamp | null
  cpu?: { value?: number } | null
}

/** Decodes what an observer says of its nodes. @throws Error when it is malformed */
export function decodeNodeStatus(bytes: Uint8Array): NodeStatus {
  // What is empty is not there.
  const status = messageType('relay.NodeStatusEvent').deserialize(Buffer.from(bytes)) as Partial<NodeStatus>
  const { state_change = 0, node_names = [], message = '' } = status
  return { state_change, node_names: node_names.filter(({ length }) => length <= MOST_CHARACTERS), message }
}

/** Decodes an answer with a `flow.LostEvent`. @throws Error when it is malformed */
export function decodeLostEvents(bytes: Uint8Array): LostEvents {
  const { lost_events, node_name } = messageType('observer.GetFlowsResponse').deserialize(Buffer.from(bytes)) as {
    lost_events: LostEvent
    node_name?: string
  }
  const { source = 0, num_events_lost = 0, first, last, cpu } = lost_events
  const times = { firstMs: milliseconds(first), lastMs: milliseconds(last) }
  return {
    source,
    count: num_events_lost,
    ...(times.firstMs === undefined ? {} : { firstMs: times.firstMs }),
    ...(times.lastMs === undefined ? {} : { lastMs: times.lastMs }),
    ...(node_name && node_name.length <= MOST_CHARACTERS ? { nodeName: node_name } : {}),
    ...(cpu ? { cpu: cpu.value ?? 0 } : {}),
  }
}

function milliseconds(time: Timestamp | null | undefined): number | undefined {
  return time ? (time.seconds ?? 0) * 1000 + Math.floor((time.nanos ?? 0) / 1e6) : undefined
}
