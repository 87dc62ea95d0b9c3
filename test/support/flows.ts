import ipaddr from 'ipaddr.js'
import { MAPPED_WORD } from '../../src/flow/address.ts'
import { FlowBatch, type LostEvents } from '../../src/flow/batch.ts'
import type { ColumnName } from '../../src/flow/columns.ts'
import { Direction, EventType, FlowType, Kind, Protocol, Reply, TcpFlag, Verdict } from '../../src/flow/enums.ts'
import { type L7Row, l7Parts } from './l7.ts'

type Numbers = { [K in Exclude<ColumnName, StringColumn | 'sourceAddress' | 'destinationAddress' | 'l7'>]?: number }
type StringColumn = 'sourceNames' | 'destinationNames' | 'interfaceName' | 'dropReasonName' | 'dropLocation'

/** One row as a test writes it: numbers and texts by column, addresses as text, the L7 part as an object. */
export type FlowRow = Numbers & {
  [K in StringColumn]?: string
} & { source?: string; destination?: string; timeMs?: number; l7?: L7Row }

const STRINGS: readonly StringColumn[] = [
  'sourceNames',
  'destinationNames',
  'interfaceName',
  'dropReasonName',
  'dropLocation',
]

/** A forwarded TCP SYN from 10.0.0.1:40000 to 10.0.0.2:80, as the packet program reports it. */
export const TCP_SYN: FlowRow = {
  source: '10.0.0.1',
  destination: '10.0.0.2',
  sourcePort: 40_000,
  destinationPort: 80,
  protocol: Protocol.TCP,
  tcpFlags: TcpFlag.SYN,
  kind: Kind.PACKETS,
  type: FlowType.L3_L4,
  verdict: Verdict.FORWARDED,
  eventType: EventType.TRACE,
  eventSubType: 3,
  observationPoint: 3,
  direction: Direction.EGRESS,
  isReply: Reply.NO,
  packets: 1,
  bytes: 74,
}

/** A batch of these rows, in order. */
export function flowBatch(rows: readonly FlowRow[], lost: LostEvents[] = []): FlowBatch {
  const plain = FlowBatch.allocate(rows.length, lost)
  const l7 = l7Parts(rows.flatMap((row) => row.l7 ?? []))
  const batch = new FlowBatch({ ...plain, strings: plain.strings, buffer: plain.buffer, l7 }, lost)
  let l7Rows = 0
  rows.forEach((row, i) => {
    setRow(batch, i, row)
    if (row.l7) batch.columns.l7[i] = ++l7Rows
  })
  return batch
}

function setRow(batch: FlowBatch, i: number, row: FlowRow): void {
  const { source, destination, timeMs, l7: _, ...rest } = row
  for (const [name, value] of Object.entries(rest)) {
    const at = STRINGS.includes(name as StringColumn) ? batch.intern(String(value)) : Number(value)
    batch.columns[name as ColumnName][i] = at
  }
  if (timeMs !== undefined) {
    batch.columns.timeSeconds[i] = Math.floor(timeMs / 1000)
    batch.columns.timeNanos[i] = Math.round((timeMs % 1000) * 1e6)
  }
  if (source !== undefined) setAddress(batch, 'sourceAddress', i, source)
  if (destination !== undefined) setAddress(batch, 'destinationAddress', i, destination)
}

/** Writes an address and, with it, the row's IP version. */
function setAddress(batch: FlowBatch, name: 'sourceAddress' | 'destinationAddress', i: number, text: string): void {
  const column = batch.columns[name]
  setAddressBytes(column, i, addressBytes(text))
  const mapped = column[i * 4] === 0 && column[i * 4 + 1] === 0 && column[i * 4 + 2] === MAPPED_WORD
  batch.columns.ipVersion[i] = mapped ? 4 : 6
}

/** The 4 words of the address `bytes` (16 of them, network order), written to `column` at `row`. */
export function setAddressBytes(column: Uint32Array, row: number, bytes: Uint8Array): void {
  new Uint8Array(column.buffer, column.byteOffset + row * 16, 16).set(bytes)
}

/** 16 bytes of an address, IPv4 as ::ffff:a.b.c.d. */
export function addressBytes(text: string): Uint8Array {
  const address = ipaddr.parse(text)
  return Uint8Array.from(
    'toIPv4MappedAddress' in address ? address.toIPv4MappedAddress().toByteArray() : address.toByteArray(),
  )
}
