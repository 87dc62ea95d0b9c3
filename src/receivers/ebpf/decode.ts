import type { BatchParts } from '../../flow/batch.ts'
import { bufferBytes, type Columns, copyRow, copyRows, MAX_ROWS, viewColumns } from '../../flow/columns.ts'
import { DnsParser } from '../../flow/dns-message.ts'
import { POLICY_DENIED } from '../../flow/drop-reason-names.ts'
import { EventType, FlowType, Kind, L7Type, Protocol, Reply, Report, Verdict } from '../../flow/enums.ts'
import { viewL7 } from '../../flow/l7.ts'
import { L7Builder } from '../../flow/l7-builder.ts'
import { POINT_DIRECTION, POINT_OBSERVATION, POINT_SUB_TYPE } from '../../flow/points.ts'
import { uniqueTimes } from '../../flow/unique-times.ts'
import { EVENT, EVENT_BYTES } from './layout.ts'

/** Records of `bpf/include/event.h`, back to back, as the ring's reader hands them over. */
export interface Slab {
  buffer: ArrayBuffer
  /** Bytes in use. */
  bytes: number
  /** Records in them; at most `MAX_ROWS` of one slab are decoded. */
  records: number
  /** CLOCK_REALTIME minus CLOCK_BOOTTIME, as whole seconds and the nanoseconds (0 to 999,999,999) beyond them. */
  offsetSeconds: number
  offsetNanos: number
}

export interface Decoded {
  parts: BatchParts
  /** Records not decoded: behind a corrupt length, cut at the slab's end, beyond `MAX_ROWS`, or of an unknown kind. */
  cutRecords: number
  /** DNS payloads that are no DNS messages; their packets travel as plain flows. */
  unparsedDns: number
}

/** 4 MiB: names and addresses of 16,384 messages of common size; what is beyond travels as plain flows. */
const MAX_L7_HEAP = 4 << 20

const KIND_TYPE = new Uint8Array(256)
const KIND_VERDICT = new Uint8Array(256)
const KIND_EVENT = new Uint8Array(256)
for (const kind of Object.values(Kind)) {
  KIND_TYPE[kind] = kind >= Kind.TCP_RETRANSMIT ? FlowType.SOCK : FlowType.L3_L4
  KIND_VERDICT[kind] = kind >= Kind.TCP_RETRANSMIT ? Verdict.TRACED : Verdict.FORWARDED
  KIND_EVENT[kind] = EventType.TRACE
}
KIND_VERDICT[Kind.DROP] = Verdict.DROPPED
KIND_EVENT[Kind.DROP] = EventType.DROP

/** 2^32 ns and 2^48 ns as seconds and the nanoseconds beyond them. */
const BIT32_SECONDS = 4
const BIT32_NANOS = 294_967_296
const BIT48_SECONDS = 281_474
const BIT48_NANOS = 976_710_656
const NS_PER_SECOND = 1_000_000_000

/** Decodes slabs into the buffers of batches. Holds scratch memory and tables; one at a time uses it. */
export class RecordDecoder {
  readonly #dns = new DnsParser()
  readonly #l7 = new L7Builder(MAX_ROWS, MAX_L7_HEAP)
  /** Pairs of (row, L7 row + 1): further DNS messages of a TCP segment, which get rows of their own at the end. */
  readonly #further: number[] = []
  #unparsed = 0

  /** Never reads outside `slab.bytes` and never throws because of what they hold. */
  decode(slab: Slab): Decoded {
    const end = Math.min(slab.bytes, slab.buffer.byteLength) & ~7
    const expected = Math.min(slab.records, Math.floor(end / EVENT_BYTES), MAX_ROWS)
    const buffer = new ArrayBuffer(bufferBytes(expected))
    const columns = viewColumns(buffer, expected)
    this.#l7.clear()
    this.#unparsed = 0
    this.#further.length = 0
    const { rows, records } = this.#rows(slab, end, columns, expected)
    const parts = this.#withFurther({ length: rows, capacity: expected, buffer, strings: [''], l7: this.#l7.take() })
    uniqueTimes(viewColumns(parts.buffer, parts.capacity), parts.length)
    const lostMessages = this.#further.length / 2 - (parts.length - rows)
    return { parts, cutRecords: slab.records - records + lostMessages, unparsedDns: this.#unparsed }
  }

  #rows(slab: Slab, end: number, columns: Columns, expected: number): { rows: number; records: number } {
    const words = new Uint32Array(slab.buffer, 0, end >> 2)
    const halves = new Uint16Array(slab.buffer, 0, end >> 1)
    const bytes = new Uint8Array(slab.buffer, 0, end)
    columns.weight.fill(1)
    let row = 0
    let records = 0
    for (let at = 0; row < expected && at + EVENT_BYTES <= end; ) {
      const length = halves[at >> 1]!
      const payload = halves[(at + EVENT.payload_length) >> 1]!
      if (length < EVENT_BYTES + payload || (length & 7) !== 0 || at + length > end) break
      const kind = bytes[at + EVENT.kind]!
      if (KIND_TYPE[kind] !== 0) {
        records++
        writeTime(columns, row, words, at, slab)
        writeEnds(columns, row, words, halves, at)
        writeNumbers(columns, row, words, halves, at)
        writeBytes(columns, row, bytes, at)
        if (kind === Kind.DROP) writeDrop(columns, row, halves, bytes, at)
        if (kind !== Kind.DNS || this.#writeDns(columns, row, bytes, at, payload)) row++
      }
      at += length
    }
    return { rows: row, records }
  }

  /** Returns false when the row says nothing that another row does not say: a later part of a message over TCP. */
  #writeDns(columns: Columns, row: number, bytes: Uint8Array, at: number, payload: number): boolean {
    const start = at + EVENT_BYTES
    const first = this.#l7.length
    const missing = bytes[at + EVENT.payload_missing]! | bytes[at + EVENT.payload_missing + 1]!
    if (columns.protocol[row] === Protocol.TCP) this.#dns.parseSegment(bytes, start, start + payload, this.#l7)
    else this.#dns.parse(bytes, start, start + payload, missing !== 0, this.#l7)
    const messages = this.#l7.length - first
    if (messages === 0) {
      this.#unparsed++
      columns.kind[row] = Kind.PACKETS
      if (columns.report[row] === Report.NONE) columns.report[row] = Report.PACKET
      return columns.packets[row] !== 0
    }
    columns.l7[row] = first + 1
    columns.type[row] = FlowType.L7
    columns.eventType[row] = EventType.L7
    columns.eventSubType[row] = 0
    columns.isReply[row] = this.#l7.columns.type[first] === L7Type.RESPONSE ? Reply.YES : Reply.NO
    for (let i = 1; i < messages; i++) this.#further.push(row, first + i + 1)
    return true
  }

  /** Appends a row without packets for each further message, in a larger buffer where the first is full. */
  #withFurther(parts: BatchParts): BatchParts {
    const further = Math.min(this.#further.length / 2, MAX_ROWS - parts.length)
    if (further === 0) return parts
    const capacity = parts.length + further
    const buffer = new ArrayBuffer(bufferBytes(capacity))
    const columns = viewColumns(buffer, capacity)
    const types = viewL7(parts.l7.buffer, parts.l7.capacity).type
    copyRows(viewColumns(parts.buffer, parts.capacity), columns, parts.length)
    for (let i = 0; i < further; i++) {
      const row = parts.length + i
      copyRow(columns, this.#further[2 * i]!, row)
      columns.packets[row] = 0
      columns.bytes[row] = 0
      columns.l7[row] = this.#further[2 * i + 1]!
      columns.isReply[row] = types[columns.l7[row]! - 1] === L7Type.RESPONSE ? Reply.YES : Reply.NO
    }
    return { ...parts, length: capacity, capacity, buffer }
  }
}

/** Boot time plus offset in integers: doubles hold 2^53 ns, which is 104 days only. */
function writeTime(columns: Columns, row: number, words: Uint32Array, at: number, slab: Slab): void {
  const low = words[(at + EVENT.time_ns) >> 2]!
  const high = words[(at + EVENT.time_ns + 4) >> 2]!
  const middle = high & 0xffff
  const top = high >>> 16
  const rest = top * BIT48_NANOS + middle * BIT32_NANOS + low + slab.offsetNanos
  const seconds = Math.floor(rest / NS_PER_SECOND)
  columns.timeSeconds[row] = top * BIT48_SECONDS + middle * BIT32_SECONDS + seconds + slab.offsetSeconds
  columns.timeNanos[row] = rest - seconds * NS_PER_SECOND
}

function writeEnds(columns: Columns, row: number, words: Uint32Array, halves: Uint16Array, at: number): void {
  const { sourceAddress, destinationAddress } = columns
  const source = (at + EVENT.source) >> 2
  const destination = (at + EVENT.destination) >> 2
  const to = row * 4
  sourceAddress[to] = words[source]!
  sourceAddress[to + 1] = words[source + 1]!
  sourceAddress[to + 2] = words[source + 2]!
  sourceAddress[to + 3] = words[source + 3]!
  destinationAddress[to] = words[destination]!
  destinationAddress[to + 1] = words[destination + 1]!
  destinationAddress[to + 2] = words[destination + 2]!
  destinationAddress[to + 3] = words[destination + 3]!
  columns.sourcePort[row] = halves[(at + EVENT.source_port) >> 1]!
  columns.destinationPort[row] = halves[(at + EVENT.destination_port) >> 1]!
}

function writeNumbers(columns: Columns, row: number, words: Uint32Array, halves: Uint16Array, at: number): void {
  // Bytes stay below 2^53: 9 PB between two records.
  columns.bytes[row] = words[(at + EVENT.bytes) >> 2]! + words[(at + EVENT.bytes + 4) >> 2]! * 0x1_0000_0000
  columns.packets[row] = words[(at + EVENT.packets) >> 2]!
  columns.interfaceIndex[row] = words[(at + EVENT.ifindex) >> 2]!
  columns.rttUs[row] = words[(at + EVENT.rtt_us) >> 2]!
  columns.detail[row] = words[(at + EVENT.detail) >> 2]!
  columns.tcpFlags[row] = halves[(at + EVENT.tcp_flags) >> 1]!
  columns.vlan[row] = halves[(at + EVENT.vlan) >> 1]!
}

function writeBytes(columns: Columns, row: number, bytes: Uint8Array, at: number): void {
  const kind = bytes[at + EVENT.kind]!
  const point = bytes[at + EVENT.point]!
  const direction = bytes[at + EVENT.direction]!
  columns.kind[row] = kind
  columns.type[row] = KIND_TYPE[kind]!
  columns.verdict[row] = KIND_VERDICT[kind]!
  columns.eventType[row] = KIND_EVENT[kind]!
  columns.eventSubType[row] = POINT_SUB_TYPE[point]!
  columns.observationPoint[row] = POINT_OBSERVATION[point]!
  columns.direction[row] = direction !== 0 ? direction : POINT_DIRECTION[point]!
  columns.isReply[row] = bytes[at + EVENT.reply]!
  columns.report[row] = bytes[at + EVENT.report]!
  columns.ipVersion[row] = bytes[at + EVENT.ip_version]!
  columns.protocol[row] = bytes[at + EVENT.protocol]!
  columns.icmpType[row] = bytes[at + EVENT.icmp_type]!
  columns.icmpCode[row] = bytes[at + EVENT.icmp_code]!
}

/** Reason and location stay numbers here; `name-rows.ts` names them on the main thread, which knows the symbols. */
function writeDrop(columns: Columns, row: number, halves: Uint16Array, bytes: Uint8Array, at: number): void {
  const location = (at + EVENT.location) >> 1
  const known = (halves[location + 1]! | halves[location + 2]! | halves[location + 3]!) === 0
  columns.dropLocation[row] = known ? halves[location]! : 0
  columns.observationPoint[row] = 0
  columns.isReply[row] = Reply.UNKNOWN
  columns.eventSubType[row] = 0
  if (bytes[at + EVENT.verdict] === 1) {
    columns.dropReason[row] = POLICY_DENIED
    columns.eventSubType[row] = POLICY_DENIED
  }
}
