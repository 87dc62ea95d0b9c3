import type { FlowBatch } from './batch.ts'
import { dropText } from './drop-texts.ts'
import { Direction, EventType, L7Type } from './enums.ts'
import { tracePointName } from './flow-names.ts'
import { DNS_SOURCE } from './hubble-layer7.ts'

const L7_TYPES: Readonly<Record<number, string>> = {
  [L7Type.REQUEST]: 'request',
  [L7Type.RESPONSE]: 'response',
  [L7Type.SAMPLE]: 'sample',
}

const DIRECTIONS: Readonly<Record<number, string>> = { [Direction.INGRESS]: 'INGRESS', [Direction.EGRESS]: 'EGRESS' }

/** What `hubble observe` prints as TYPE of this row: `to-endpoint`, `dns-request packet`, `Policy denied`, … */
export function eventTypeText(batch: FlowBatch, row: number): string {
  const { eventType, eventSubType, direction, l7 } = batch.columns
  if (l7[row] !== 0) return dnsText(batch, l7[row]! - 1)
  switch (eventType[row]) {
    case EventType.TRACE:
      return tracePointName(eventSubType[row]!)
    case EventType.DROP:
      return dropText(eventSubType[row]!)
    case EventType.POLICY_VERDICT:
      return `policy-verdict:none ${DIRECTIONS[direction[row]!] ?? 'TRAFFIC_DIRECTION_UNKNOWN'}`
    case EventType.CAPTURE:
      return 'DBG_CAPTURE_POINT_UNKNOWN'
    case EventType.TRACE_SOCK:
      return 'SOCK_XLATE_POINT_UNKNOWN'
    default:
      return 'UNKNOWN'
  }
}

function dnsText(batch: FlowBatch, row: number): string {
  return `dns-${L7_TYPES[batch.l7.columns.type[row]!] ?? 'unknown_l7_type'} ${DNS_SOURCE}`
}
