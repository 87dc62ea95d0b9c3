import { EventType, ObservationPoint, Protocol } from './enums.ts'
import { L7Protocol } from './l7.ts'

/** Names of numbers that columns hold, as Hubble's API and metrics write them. */

/** `flow.Verdict`, by number. */
const VERDICTS = ['VERDICT_UNKNOWN', 'FORWARDED', 'DROPPED', 'ERROR', 'AUDIT', 'REDIRECTED', 'TRACED', 'TRANSLATED']

/** Cilium's monitor: sub-types of a trace event, by number. */
const TRACE_POINTS = [
  'to-endpoint',
  'to-proxy',
  'to-host',
  'to-stack',
  'to-overlay',
  'from-endpoint',
  'from-proxy',
  'from-host',
  'from-stack',
  'from-overlay',
  'from-network',
  'to-network',
  'from-crypto',
  'to-crypto',
]

const L4: Readonly<Record<number, string>> = {
  [Protocol.ICMP]: 'ICMPv4',
  [Protocol.IGMP]: 'IGMP',
  [Protocol.TCP]: 'TCP',
  [Protocol.UDP]: 'UDP',
  [Protocol.ICMPV6]: 'ICMPv6',
  [Protocol.VRRP]: 'VRRP',
  [Protocol.SCTP]: 'SCTP',
}

/** Stands beside the numbers of `L7Protocol` for Kafka, of which there are no rows: only other observers see it. */
export const KAFKA = 3

const L7: Readonly<Record<number, string>> = {
  [L7Protocol.DNS]: 'DNS',
  [L7Protocol.HTTP]: 'HTTP',
  [KAFKA]: 'Kafka',
}

/** Name of a `flow.Verdict`; the number where it has none. */
export function verdictName(verdict: number): string {
  return VERDICTS[verdict] ?? String(verdict)
}

/** What the Hubble CLI prints as TYPE of a trace. @param subType column `eventSubType` of a row with `EventType.TRACE` */
export function tracePointName(subType: number): string {
  return TRACE_POINTS[subType] ?? String(subType)
}

/** Name of an `ObservationPoint`, as {@link tracePointName}; `unknown` for rows that no point saw (drops, socket events). */
export function observationPointName(point: number): string {
  if (point === ObservationPoint.UNKNOWN) return 'unknown'
  return tracePointName(point === ObservationPoint.TO_ENDPOINT ? 0 : point)
}

/** Name of the layer-4 protocol as Hubble writes it (`TCP`, `ICMPv4`); undefined where a flow has no layer 4. */
export function l4Name(protocol: number): string | undefined {
  return L4[protocol]
}

/**
 * Hubble's metric label `protocol` (`FlowProtocol`): by event type the layer-7 or the layer-4 name.
 * @param protocol IANA number; for `EventType.L7` an `L7Protocol` or {@link KAFKA}
 */
export function protocolLabel(eventType: number, protocol: number): string {
  switch (eventType) {
    case EventType.L7:
      return L7[protocol] ?? 'Unknown L7'
    case EventType.DROP:
    case EventType.CAPTURE:
    case EventType.TRACE:
    case EventType.POLICY_VERDICT:
      return l4Name(protocol) ?? 'Unknown L4'
    default:
      return 'Unknown flow'
  }
}
