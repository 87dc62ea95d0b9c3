import type { FlowBatch } from './batch.ts'
import { dropText } from './drop-texts.ts'
import { Direction, EventType, L7Type } from './enums.ts'
import { tracePointName } from './flow-names.ts'
import { DNS_SOURCE } from './hubble-layer7.ts'
import { L7Protocol } from './l7.ts'

const L7_TYPES: Readonly<Record<number, string>> = {
  [L7Type.REQUEST]: 'request',
  [L7Type.RESPONSE]: 'response',
  [L7Type.SAMPLE]: 'sample',
}

/** `flow.Flow.policy_match_type`, by number. */
const POLICY_MATCHES = ['none', 'l3-only', 'l3-l4', 'l4-only', 'all', 'l3-proto', 'proto-only']

const DIRECTIONS: Readonly<Record<number, string>> = { [Direction.INGRESS]: 'INGRESS', [Direction.EGRESS]: 'EGRESS' }

/** What `hubble observe` prints as TYPE of this row: `to-endpoint`, `dns-request packet`, `Policy denied`, … */
export function eventTypeText(batch: FlowBatch, row: number): string {
  const { eventType, eventSubType, direction, l7 } = batch.columns
  if (l7[row] !== 0) return layer7Text(batch, row)
  switch (eventType[row]) {
    case EventType.TRACE:
      return tracePointName(eventSubType[row]!)
    case EventType.DROP:
      return dropText(eventSubType[row]!)
    case EventType.POLICY_VERDICT:
      return `policy-verdict:${policyMatch(batch, row)} ${DIRECTIONS[direction[row]!] ?? 'TRAFFIC_DIRECTION_UNKNOWN'}`
    case EventType.CAPTURE:
      return 'DBG_CAPTURE_POINT_UNKNOWN'
    case EventType.TRACE_SOCK:
      return 'SOCK_XLATE_POINT_UNKNOWN'
    default:
      return 'UNKNOWN'
  }
}

function layer7Text(batch: FlowBatch, row: number): string {
  const { protocol, type } = batch.l7.columns
  const l7 = batch.columns.l7[row]! - 1
  const what = L7_TYPES[type[l7]!] ?? 'unknown_l7_type'
  if (protocol[l7] === L7Protocol.HTTP) return `http-${what}`
  return `dns-${what} ${batch.foreign?.dnsSource(row) ?? DNS_SOURCE}`
}

/** Only Cilium's policies match anything. */
function policyMatch({ foreign }: FlowBatch, row: number): string {
  return foreign === undefined ? 'none' : (POLICY_MATCHES[foreign.policyMatchType(row)] ?? 'unknown')
}
