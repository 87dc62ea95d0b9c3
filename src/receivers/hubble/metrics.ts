import { LostSource } from '../../flow/enums.ts'
import { NodeState } from '../../flow/observed-nodes.ts'
import type { CreateContext } from '../../pipeline/component.ts'
import type { Counter } from '../../pipeline/telemetry.ts'

/** What gauges show. */
export interface HubbleReceiverGauges {
  observers(): number
  connected(): number
  waiting(): number
  endpoints(): number
}

const SOURCES: Readonly<Record<number, string>> = {
  [LostSource.PERF_EVENT_RING_BUFFER]: 'perf_event_ring_buffer',
  [LostSource.OBSERVER_EVENTS_QUEUE]: 'observer_events_queue',
  [LostSource.HUBBLE_RING_BUFFER]: 'hubble_ring_buffer',
}

const STATES: Readonly<Record<number, string>> = {
  [NodeState.CONNECTED]: 'connected',
  [NodeState.UNAVAILABLE]: 'unavailable',
  [NodeState.GONE]: 'gone',
  [NodeState.ERROR]: 'error',
}

/** The receiver's own metrics. */
export class HubbleReceiverMetrics {
  readonly malformed: Counter
  readonly failed: Counter
  readonly duplicates: Counter
  readonly late: Counter
  readonly gaps: Counter
  readonly broken: Counter
  readonly refusedPeers: Counter
  readonly refusedEndpoints: Counter
  readonly refusedL7: Counter
  readonly #lost: (source: string) => Counter
  readonly #states: (state: string) => Counter
  readonly #ends: (() => void)[]

  constructor({ telemetry, id }: CreateContext, gauges: HubbleReceiverGauges) {
    const counter = (name: string, help: string, labels: Record<string, string> = {}) =>
      telemetry.counter(name, help, { receiver: id, ...labels })
    const own = (name: string, help: string) => counter(`fovea_hubble_receiver_${name}`, help)
    this.failed = counter('otelcol_receiver_failed_flows', 'Flows that the receiver itself lost.')
    this.malformed = own(
      'malformed_messages',
      'Answers that are no valid protobuf message, or carry a flow that is none.',
    )
    this.duplicates = own('duplicate_flows', 'Flows that came again and were left out.')
    this.late = own('late_flows', 'Flows that came when later ones of other nodes had been handed on.')
    this.gaps = own('gaps', 'Streams that went on without the last flow known: others may be missing.')
    this.broken = own('broken_streams', 'Streams and attempts to begin one that ended.')
    this.refusedPeers = own('refused_peers', 'Nodes not followed because of max_peers, or of their TLS.')
    this.refusedEndpoints = own('refused_endpoints', 'Ends of flows left unknown because of max_endpoints.')
    this.refusedL7 = own('refused_l7', 'Flows whose L7 part found no room in a batch.')
    this.#lost = (source) =>
      counter('fovea_hubble_receiver_lost_events', 'Events that observers say they lost.', { source })
    this.#states = (state) =>
      counter('fovea_hubble_receiver_node_status', 'Reports of a relay on its nodes.', { state })
    const gauge = (name: string, help: string, read: () => number) =>
      telemetry.gauge(`fovea_hubble_receiver_${name}`, help, { receiver: id }, read)
    this.#ends = [
      gauge('observers', 'Observers that are followed.', gauges.observers),
      gauge('connected_observers', 'Observers that are connected.', gauges.connected),
      gauge('waiting_flows', 'Flows that wait to be put in the order of their times.', gauges.waiting),
      gauge('endpoints', 'Different ends of flows known.', gauges.endpoints),
    ]
  }

  /** @param source `LostSource` */
  lost(source: number, events: number): void {
    this.#lost(SOURCES[source] ?? 'unknown').add(events)
  }

  /** @param state `NodeState` */
  nodeStatus(state: number, nodes: number): void {
    this.#states(STATES[state] ?? 'unknown').add(nodes)
  }

  /** The gauges end. */
  end(): void {
    for (const end of this.#ends) end()
  }
}
