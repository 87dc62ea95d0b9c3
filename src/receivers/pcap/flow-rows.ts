import type { BatchParts } from '../../flow/batch.ts'
import { bufferBytes, copyRow, copyRows, MAX_ROWS, viewColumns } from '../../flow/columns.ts'
import { POLICY_DENIED } from '../../flow/drop-reason-names.ts'
import { EventType, FlowType, Kind, L7Type, Protocol, Reply, Report, Verdict } from '../../flow/enums.ts'
import { L7Builder } from '../../flow/l7-builder.ts'
import { POINT_DIRECTION, POINT_OBSERVATION, POINT_SUB_TYPE } from '../../flow/points.ts'
import { uniqueTimes } from '../../flow/unique-times.ts'
import type { CaptureInterface } from './capture-format.ts'
import type { Connections } from './connections.ts'
import { DIRECTION_SHIFT, EntryState } from './connections.ts'
import type { Packet } from './packet.ts'

const MAX_L7_HEAP = 4 << 20
const NS_PER_SECOND = 1e9

/** How capture time becomes the time of flows: `start + (time - origin) / speed`. All seconds are Unix seconds. */
export interface TimeMap {
  originSeconds: number
  originNanos: number
  startSeconds: number
  startNanos: number
  speed: number
}

/** Rows of one batch in the making. Columns are scratch memory of the worker; `take` copies what is used. */
export class FlowRows {
  length = 0
  readonly l7 = new L7Builder(MAX_ROWS, MAX_L7_HEAP)
  readonly #columns = viewColumns(new ArrayBuffer(bufferBytes(MAX_ROWS)), MAX_ROWS)
  readonly #strings = ['']
  readonly #interfaceNames: number[] = []
  #time: TimeMap | undefined

  /** Begins a batch. @param time undefined = capture time as it is */
  begin(time: TimeMap | undefined): void {
    this.length = 0
    this.l7.clear()
    this.#strings.length = 1
    this.#interfaceNames.length = 0
    this.#time = time
  }

  get room(): number {
    return MAX_ROWS - this.length
  }

  /** The rows as a batch of their own. */
  take(): BatchParts {
    const { length } = this
    const buffer = new ArrayBuffer(bufferBytes(length))
    const columns = viewColumns(buffer, length)
    copyRows(this.#columns, columns, length)
    columns.weight.fill(1)
    uniqueTimes(columns, length)
    return { length, capacity: length, buffer, strings: [...this.#strings], l7: this.l7.take() }
  }

  /** A row for this packet alone. @param point `Point` of `event.h` @returns the row */
  packet(packet: Packet, report: number, point: number, reply: number): number {
    const columns = this.#columns
    const row = this.#start(packet, point)
    const at = 4 * row
    for (let i = 0; i < 4; i++) {
      columns.sourceAddress[at + i] = packet.words[i]!
      columns.destinationAddress[at + i] = packet.words[4 + i]!
    }
    columns.sourcePort[row] = packet.sourcePort
    columns.destinationPort[row] = packet.destinationPort
    columns.packets[row] = 1
    columns.bytes[row] = packet.wireBytes
    columns.tcpFlags[row] = packet.tcpFlags
    columns.icmpType[row] = packet.icmpType
    columns.icmpCode[row] = packet.icmpCode
    columns.vlan[row] = packet.vlan
    columns.report[row] = report
    columns.isReply[row] = reply
    columns.direction[row] = reply === Reply.YES ? 3 - POINT_DIRECTION[point]! : POINT_DIRECTION[point]!
    return row
  }

  /** A row with the delta of one side of a connection, at the time of `now`. */
  delta(table: Connections, side: number, report: number, now: Packet): void {
    const columns = this.#columns
    const entry = side >> 1
    const row = this.#start(now, table.point[side]!)
    this.#writeKey(table, side, row)
    columns.packets[row] = table.packets[side]!
    columns.bytes[row] = table.bytes[side]!
    columns.tcpFlags[row] = table.flags[side]!
    columns.icmpType[row] = table.icmp[side]! >>> 8
    columns.icmpCode[row] = table.icmp[side]! & 0xff
    columns.vlan[row] = table.vlan[entry]!
    columns.report[row] = report
    const initiatorSide = 2 * entry + (table.state[entry]! & EntryState.INITIATOR_IS_B)
    columns.isReply[row] = side === initiatorSide ? Reply.NO : Reply.YES
    columns.direction[row] = table.state[entry]! >>> DIRECTION_SHIFT
  }

  /** Makes rows of the DNS messages `[first, l7.length)` from the row of their packet. */
  dns(row: number, first: number): void {
    const columns = this.#columns
    for (let message = first; message < this.l7.length; message++) {
      const to = message === first ? row : this.length
      if (to === MAX_ROWS) return
      if (to !== row) {
        copyRow(columns, row, this.length++)
        columns.packets[to] = 0
        columns.bytes[to] = 0
      }
      columns.kind[to] = Kind.DNS
      columns.report[to] = Report.NONE
      columns.type[to] = FlowType.L7
      columns.eventType[to] = EventType.L7
      columns.eventSubType[to] = 0
      columns.isReply[to] = this.l7.columns.type[message] === L7Type.RESPONSE ? Reply.YES : Reply.NO
      columns.l7[to] = message + 1
    }
  }

  /** Takes packets and bytes from a row, because another row counts them. */
  clearDelta(row: number): void {
    this.#columns.packets[row] = 0
    this.#columns.bytes[row] = 0
  }

  /** Makes a drop of a packet's row; `name` tells who dropped it. */
  drop(row: number, name: string): void {
    const columns = this.#columns
    columns.kind[row] = Kind.DROP
    columns.verdict[row] = Verdict.DROPPED
    columns.eventType[row] = EventType.DROP
    columns.eventSubType[row] = POLICY_DENIED
    columns.dropReason[row] = POLICY_DENIED
    columns.dropReasonName[row] = this.#intern(name)
    columns.observationPoint[row] = 0
    columns.isReply[row] = Reply.UNKNOWN
    columns.report[row] = Report.NONE
  }

  /** Names the interfaces of all rows. */
  nameInterfaces(interfaces: readonly CaptureInterface[]): void {
    const { interfaceIndex, interfaceName } = this.#columns
    for (let i = 0; i < this.length; i++) {
      const at = interfaceIndex[i]! - 1
      this.#interfaceNames[at] ??= this.#intern(interfaces[at]?.name ?? '')
      interfaceName[i] = this.#interfaceNames[at]!
    }
  }

  /** What all rows share. Scratch rows hold old values: every column is written here or by the caller. */
  #start(packet: Packet, point: number): number {
    const columns = this.#columns
    const row = this.length++
    this.#writeTime(row, packet)
    columns.interfaceIndex[row] = packet.interface + 1
    columns.kind[row] = Kind.PACKETS
    columns.type[row] = FlowType.L3_L4
    columns.verdict[row] = Verdict.FORWARDED
    columns.eventType[row] = EventType.TRACE
    columns.eventSubType[row] = POINT_SUB_TYPE[point]!
    columns.observationPoint[row] = POINT_OBSERVATION[point]!
    columns.ipVersion[row] = packet.ipVersion
    columns.protocol[row] = packet.protocol
    columns.dropReason[row] = 0
    columns.dropReasonName[row] = 0
    columns.l7[row] = 0
    return row
  }

  #writeKey(table: Connections, side: number, row: number): void {
    const columns = this.#columns
    const at = (side >> 1) * 10
    const isB = side & 1
    const from = at + 4 * isB
    const to = at + 4 - 4 * isB
    for (let i = 0; i < 4; i++) {
      columns.sourceAddress[4 * row + i] = table.key[from + i]!
      columns.destinationAddress[4 * row + i] = table.key[to + i]!
    }
    const protocol = table.protocol(side >> 1)
    // Of ICMP the key holds the type there.
    const ports = protocol === Protocol.ICMP || protocol === Protocol.ICMPV6 ? 0 : table.key[at + 8]!
    columns.sourcePort[row] = isB ? ports >>> 16 : ports & 0xffff
    columns.destinationPort[row] = isB ? ports & 0xffff : ports >>> 16
    columns.protocol[row] = protocol
    columns.interfaceIndex[row] = (table.key[at + 9]! >>> 8) + 1
    columns.ipVersion[row] = table.ipVersion(side >> 1)
  }

  #writeTime(row: number, packet: Packet): void {
    const { timeSeconds, timeNanos } = this.#columns
    const map = this.#time
    if (map === undefined) {
      timeSeconds[row] = packet.seconds
      timeNanos[row] = packet.nanos
      return
    }
    // Exact for captures of up to 104 days.
    const sinceOrigin = (packet.seconds - map.originSeconds) * NS_PER_SECOND + (packet.nanos - map.originNanos)
    const nanos = map.startNanos + Math.round(sinceOrigin / map.speed)
    const carry = Math.floor(nanos / NS_PER_SECOND)
    timeSeconds[row] = map.startSeconds + carry
    timeNanos[row] = nanos - carry * NS_PER_SECOND
  }

  #intern(text: string): number {
    const known = this.#strings.indexOf(text)
    return known >= 0 ? known : this.#strings.push(text) - 1
  }
}
