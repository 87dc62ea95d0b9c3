import { addressText } from '../../flow/address.ts'
import type { FlowBatch } from '../../flow/batch.ts'
import type { Endpoint } from '../../flow/endpoint.ts'
import type { Ends } from '../../flow/ends.ts'
import { Protocol, Reply } from '../../flow/enums.ts'
import { eventTypeText } from '../../flow/event-type-text.ts'
import { verdictName } from '../../flow/flow-names.ts'
import { summary } from '../../flow/summary.ts'
import type { Colors } from './colors.ts'

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** Identities that the Hubble CLI prints by name. */
const RESERVED = [
  'unknown',
  'host',
  'world',
  'unmanaged',
  'health',
  'init',
  'remote-node',
  'kube-apiserver',
  'ingress',
  'world-ipv4',
  'world-ipv6',
]

/** One end of a line. */
interface Side {
  host: string
  identity: string
}

/** The row as the line that `hubble observe --output compact` prints, without its line feed. */
export function compactLine(batch: FlowBatch, row: number, ends: Ends, colors: Colors): string {
  const { isReply, verdict } = batch.columns
  const from = sourceSide(batch, row, ends, colors)
  const to = destinationSide(batch, row, ends, colors)
  const reply = isReply[row] === Reply.YES
  const arrow = reply ? '<-' : isReply[row] === Reply.NO ? '->' : '<>'
  // The client stays on the left: ends are swapped for replies.
  const [left, right] = reply ? [to, from] : [from, to]
  const what = `${eventTypeText(batch, row)} ${colors.verdict(verdict[row]!)(verdictName(verdict[row]!))}`
  const who = `${left.host} ${left.identity} ${arrow} ${right.host} ${right.identity}`
  return `${timeText(batch, row)}: ${who} ${what} (${safe(summary(batch, row))})`
}

/** UTC in Go's layout `Jan _2 15:04:05.000`. */
export function timeText(batch: FlowBatch, row: number): string {
  const { timeSeconds, timeNanos } = batch.columns
  const time = new Date(timeSeconds[row]! * 1000 + Math.floor(timeNanos[row]! / 1e6))
  const day = String(time.getUTCDate()).padStart(2)
  return `${MONTHS[time.getUTCMonth()]} ${day} ${time.toISOString().slice(11, 23)}`
}

/** The source as `hubble observe` prints it: pod, service, DNS names or address, with its port. */
export function sourceSide(batch: FlowBatch, row: number, ends: Ends, colors: Colors): Side {
  const { sourceAddress, sourcePort, sourceNames } = batch.columns
  const end = ends.table.get(ends.source(batch, row))
  const address = addressText(sourceAddress, row)
  return side(batch, row, end, { address, port: sourcePort[row]!, names: sourceNames[row]! }, colors)
}

/** The destination, as {@link sourceSide}. */
export function destinationSide(batch: FlowBatch, row: number, ends: Ends, colors: Colors): Side {
  const { destinationAddress, destinationPort, destinationNames } = batch.columns
  const end = ends.table.get(ends.destination(batch, row))
  const address = addressText(destinationAddress, row)
  return side(batch, row, end, { address, port: destinationPort[row]!, names: destinationNames[row]! }, colors)
}

interface Where {
  address: string
  port: number
  /** Index of the DNS names. */
  names: number
}

function side(batch: FlowBatch, row: number, end: Endpoint, where: Where, colors: Colors): Side {
  const identity = colors.identity(`(${RESERVED[end.identity] ?? `ID:${end.identity}`})`)
  if (batch.columns.ipVersion[row] === 0) return { host: '', identity }
  const name = hostName(end, batch.strings[where.names] ?? '') || where.address
  if (where.port === 0 || !hasPorts(batch.columns.protocol[row]!)) return { host: colors.host(safe(name)), identity }
  const host = name.includes(':') ? `[${safe(name)}]` : safe(name)
  return { host: `${colors.host(`${host}:`)}${colors.port(String(where.port))}`, identity }
}

function hostName(end: Endpoint, names: string): string {
  const namespace = end.service?.namespace ?? end.namespace
  const prefix = namespace === '' ? '' : `${namespace}/`
  if (end.podName !== '') return prefix + end.podName
  if (end.service !== undefined) return prefix + end.service.name
  return names
}

function hasPorts(protocol: number): boolean {
  return protocol === Protocol.TCP || protocol === Protocol.UDP || protocol === Protocol.SCTP
}

/** Names come from the network: nothing in them may command the terminal. */
function safe(text: string): string {
  return text.replaceAll('\x1b', '^[').replaceAll('\r', '\\r').replaceAll('\n', '\\n')
}
