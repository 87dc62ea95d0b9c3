import { addressTextAt } from './address.ts'
import type { FlowBatch } from './batch.ts'
import { dnsRcodeText, dnsTypeName } from './dns-names.ts'
import { dropReasonEnumName, NETFILTER_NAME, POLICY_DENIED } from './drop-reason-names.ts'
import { Kind, L7Type, Protocol, TcpFlag } from './enums.ts'
import { icmpName } from './icmp-names.ts'
import { L7Protocol, type L7Table } from './l7.ts'

/** Hubble's order of the flags, which is not the header's. */
const FLAG_ORDER = ['SYN', 'ACK', 'RST', 'FIN', 'PSH', 'URG', 'ECE', 'CWR', 'NS'] as const

/** By `TcpFlag` bits; the NS bit makes 512 of them. */
const FLAG_TEXTS: readonly string[] = Array.from({ length: 512 }, (_, bits) =>
  FLAG_ORDER.filter((name) => bits & TcpFlag[name]).join(', '),
)

/** `net/tcp_states.h`, from 1 on. */
const TCP_STATES = [
  'ESTABLISHED',
  'SYN_SENT',
  'SYN_RECV',
  'FIN_WAIT1',
  'FIN_WAIT2',
  'TIME_WAIT',
  'CLOSE',
  'CLOSE_WAIT',
  'LAST_ACK',
  'LISTEN',
  'CLOSING',
  'NEW_SYN_RECV',
  'BOUND_INACTIVE',
]

/**
 * The text in parentheses at the end of a line of `hubble observe` (`flow.Flow.Summary`), in Hubble's own formats;
 * drops and TCP events, which Hubble does not tell in this way, say more.
 */
export function summary(batch: FlowBatch, row: number): string {
  // Another observer said it in its own words.
  if (batch.foreign !== undefined) return batch.foreign.summary(row)
  const { kind, l7 } = batch.columns
  if (l7[row] !== 0) return layer7Summary(batch, l7[row]! - 1)
  switch (kind[row]) {
    case Kind.DROP:
      return `${layerSummary(batch, row)}; ${dropText(batch, row)}`
    case Kind.TCP_RETRANSMIT:
    case Kind.TCP_RESET:
    case Kind.TCP_CONNECT:
    case Kind.TCP_CLOSE:
    case Kind.TCP_STATE:
      return tcpEvent(batch, row)
    default:
      return layerSummary(batch, row)
  }
}

/** Text of the innermost protocol that was decoded. */
function layerSummary(batch: FlowBatch, row: number): string {
  const { protocol, tcpFlags, icmpType, icmpCode, ipVersion } = batch.columns
  switch (protocol[row]) {
    case Protocol.TCP:
      return `TCP Flags: ${flagsText(tcpFlags[row]!)}`
    case Protocol.UDP:
      return 'UDP'
    case Protocol.SCTP:
      return 'SCTP'
    case Protocol.ICMP:
      return `ICMPv4 ${icmpName(4, icmpType[row]!, icmpCode[row]!)}`
    case Protocol.ICMPV6:
      return `ICMPv6 ${icmpName(6, icmpType[row]!, icmpCode[row]!)}`
    case Protocol.VRRP:
      return 'VRRP'
    case Protocol.IGMP:
      return 'IGMP'
  }
  if (ipVersion[row] === 4) return 'IPv4'
  return ipVersion[row] === 6 ? 'IPv6' : 'Ethernet'
}

/** Flags as Hubble lists them: `SYN, ACK`. @param bits `TcpFlag` bits */
export function flagsText(bits: number): string {
  return FLAG_TEXTS[bits & 0x1ff]!
}

function dropText(batch: FlowBatch, row: number): string {
  const { dropLocation } = batch.columns
  const place = batch.strings[dropLocation[row]!]!
  return `Drop Reason: ${dropName(batch, row)}${place === '' ? '' : ` at ${place}`}`
}

function dropName(batch: FlowBatch, row: number): string {
  const { dropReason, dropReasonName } = batch.columns
  const name = batch.strings[dropReasonName[row]!]!
  if (name === 'NETFILTER_DROP') return NETFILTER_NAME
  if (name !== '') return name
  // A kernel before 5.17 gives no name: the receiver then knows netfilter's drops by their place.
  if (dropReason[row] === POLICY_DENIED) return NETFILTER_NAME
  return dropReasonEnumName(dropReason[row]!) ?? String(dropReason[row])
}

function tcpEvent(batch: FlowBatch, row: number): string {
  const { tcpFlags, rttUs } = batch.columns
  const parts = [`TCP ${tcpEventText(batch, row)}`]
  if (tcpFlags[row] !== 0) parts.push(`TCP Flags: ${flagsText(tcpFlags[row]!)}`)
  if (rttUs[row] !== 0) parts.push(`RTT ${milliseconds(rttUs[row]!)}`)
  return parts.join('; ')
}

function tcpEventText(batch: FlowBatch, row: number): string {
  const detail = batch.columns.detail[row]!
  switch (batch.columns.kind[row]) {
    case Kind.TCP_RETRANSMIT:
      return 'Retransmit'
    case Kind.TCP_RESET:
      return detail === 2 ? 'Reset received' : 'Reset sent'
    case Kind.TCP_CONNECT:
      return `Connect ${milliseconds(detail)}`
    case Kind.TCP_CLOSE:
      return detail === 0 ? 'Close' : `Close; Retransmits ${detail}`
    default:
      return `State ${tcpStateName(detail >>> 8)} -> ${tcpStateName(detail & 0xff)}`
  }
}

/** Number of a TCP state by its name, or by its number as text. Others are 0. */
export function tcpState(name: string): number {
  return TCP_STATES.indexOf(name) + 1 || Number(name) & 0xff
}

/** Name of a TCP state (`net/tcp_states.h`). */
export function tcpStateName(state: number): string {
  return TCP_STATES[state - 1] ?? String(state)
}

/** `1.2ms`, or `0.045ms` below a millisecond. */
function milliseconds(us: number): string {
  return `${us < 1_000 ? us / 1_000 : Math.round(us / 100) / 10}ms`
}

function layer7Summary(batch: FlowBatch, row: number): string {
  return batch.l7.columns.protocol[row] === L7Protocol.HTTP ? httpSummary(batch.l7, row) : dnsSummary(batch, row)
}

function httpSummary(table: L7Table, row: number): string {
  const [protocol, request] = [table.httpProtocol(row), `${table.httpMethod(row)} ${table.httpUrl(row)}`]
  if (table.columns.type[row] !== L7Type.RESPONSE) return `${protocol} ${request}`
  const latencyMs = Math.trunc(table.columns.latencyNs[row]! / 1e6)
  return `${protocol} ${table.httpCode(row)} ${latencyMs}ms (${request})`
}

function dnsSummary(batch: FlowBatch, row: number): string {
  const table = batch.l7
  const question = `${table.query(row)} ${table.types(row).map(dnsTypeName).join(',')}`
  if (table.columns.type[row] !== L7Type.RESPONSE) return `DNS Query ${question}`
  return `DNS Answer ${answerText(batch, row)} TTL: ${table.columns.ttlSeconds[row]} (Query ${question})`
}

function answerText(batch: FlowBatch, row: number): string {
  const table = batch.l7
  const rcode = table.columns.rcode[row]!
  if (rcode !== 0) return `RCode: ${dnsRcodeText(rcode)}`
  const parts: string[] = []
  if (table.columns.addressCount[row] !== 0) parts.push(`"${dnsAddresses(batch, row).join(',')}"`)
  const names = table.names(row)
  if (names.length > 0) parts.push(`CNAMEs: ${JSON.stringify(names.join(','))}`)
  return parts.join(' ')
}

/** Texts of a DNS answer's addresses. @param row of the L7 table */
export function dnsAddresses(batch: FlowBatch, row: number): string[] {
  const { heap, columns } = batch.l7
  const at = batch.l7.addressesAt(row)
  return Array.from({ length: columns.addressCount[row]! }, (_, i) => addressTextAt(heap, at + 16 * i))
}
