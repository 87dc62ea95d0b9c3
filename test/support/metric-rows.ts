import { Ends } from '../../src/flow/ends.ts'
import { EventType, FlowType, Kind, L7Type, Protocol, Reply, Verdict } from '../../src/flow/enums.ts'
import { Family } from '../../src/metrics/family.ts'
import { NO_ENDS } from '../../src/processors/hubble_metrics/contexts/end-labels.ts'
import type { Handler, HandlerSettings } from '../../src/processors/hubble_metrics/handlers/handler.ts'
import { HANDLER_KINDS } from '../../src/processors/hubble_metrics/handlers/kinds.ts'
import { type FlowRow, flowBatch, TCP_SYN } from './flows.ts'

/** What handlers are made with, each option without a value. */
export const settings = (...options: string[]): HandlerSettings => ({
  options: new Map(options.map((option) => [option, []])),
  ends: NO_ENDS,
  endpoints: new Ends(),
  family: (family) => new Family(family),
})

/** Every series that a handler holds: `name{label=value,…}` to its value, histograms as `count/sum`. */
export function series(handler: Handler): Record<string, number | string> {
  return Object.assign({}, ...handler.families.map(familySeries))
}

/** Every series of a family, likewise. */
export function familySeries(family: Family): Record<string, number | string> {
  const found: Record<string, number | string> = {}
  for (const id of family.ids()) {
    const labels = (family.labelValues(id) ?? []).map((value, i) => `${family.labels[i]}=${value}`)
    const value = family.value(id)
    const histogram = family.kind === 'histogram'
    found[`${family.name}{${labels}}`] = histogram ? `${family.activity(id)}/${value}` : value
  }
  return found
}

/** Every series after one batch of `rows`. */
export function counted(kind: 'hubble' | 'exact', name: string, rows: FlowRow[], ...options: string[]) {
  const handler = HANDLER_KINDS[name]![kind]!(settings(...options))
  handler.observe(flowBatch(rows))
  return series(handler)
}

/** A packet that netfilter dropped. */
export const DROP: FlowRow = {
  ...TCP_SYN,
  kind: Kind.DROP,
  verdict: Verdict.DROPPED,
  eventType: EventType.DROP,
  eventSubType: 133,
  dropReason: 133,
  observationPoint: 0,
  isReply: Reply.UNKNOWN,
  dropReasonName: 'NETFILTER_DROP',
  dropLocation: 'nf_hook_slow+0x93',
}

/** A DNS question. */
export const QUERY: FlowRow = {
  ...TCP_SYN,
  kind: Kind.DNS,
  type: FlowType.L7,
  eventType: EventType.L7,
  eventSubType: 0,
  protocol: Protocol.UDP,
  destinationPort: 53,
  tcpFlags: 0,
  l7: { type: L7Type.REQUEST, query: 'a.example.', types: [1] },
}

/** Its answer. */
export const ANSWER: FlowRow = {
  ...QUERY,
  isReply: Reply.YES,
  l7: {
    type: L7Type.RESPONSE,
    query: 'a.example.',
    types: [1],
    answerTypes: [5, 1, 1],
    addresses: ['10.0.0.1', '10.0.0.2'],
    latencyNs: 2_000_000,
  },
}

/** A socket event. */
export const SOCKET: FlowRow = {
  ...TCP_SYN,
  kind: Kind.TCP_STATE,
  type: FlowType.SOCK,
  verdict: Verdict.TRACED,
  eventType: EventType.TRACE_SOCK,
  observationPoint: 0,
  packets: 0,
  bytes: 0,
  tcpFlags: 0,
}

/** An ICMP echo request. */
export const PING: FlowRow = {
  ...TCP_SYN,
  protocol: Protocol.ICMP,
  icmpType: 8,
  tcpFlags: 0,
  sourcePort: 0,
  destinationPort: 0,
}
