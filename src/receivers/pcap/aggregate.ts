import { Protocol, Reply, Report, TcpFlag } from '../../flow/enums.ts'
import { Connections, DIRECTION_SHIFT, EntryState } from './connections.ts'
import type { FlowRows } from './flow-rows.ts'
import type { Packet } from './packet.ts'
import { directionOf, pointOf, type Vantage } from './vantage.ts'

/** As the packet programs in the kernel do it: see `bpf/include/event.h` for the reasons of a report. */

const FLAGS_OF_INTEREST = TcpFlag.SYN | TcpFlag.FIN | TcpFlag.RST
const TCP_IDLE_S = 300
const OTHER_IDLE_S = 60
/** What may still follow the FINs. */
const CLOSED_IDLE_S = 1
const SWEEP_EVERY_S = 1
/** Rows that one packet can need: its own, two that end a connection, a drop, and a segment full of DNS messages. */
export const ROWS_PER_PACKET = 4 + Math.floor(0xffff / 14)

const ECHO_REPLY_V4 = 0
const ECHO_REPLY_V6 = 129
/** Ports below belong to servers as a rule. */
const FIRST_CLIENT_PORT = 1_024

export interface AggregateOptions {
  vantage: Vantage
  reportIntervalSeconds: number
}

/** Adds packets up by connection and writes a row for each report. */
export class Aggregator {
  /** Packets that found no room in the table and became rows of their own. */
  tableFull = 0
  readonly #table: Connections
  readonly #rows: FlowRows
  readonly #options: AggregateOptions

  constructor(table: Connections, rows: FlowRows, options: AggregateOptions) {
    this.#table = table
    this.#rows = rows
    this.#options = options
  }

  /** Needs room for `ROWS_PER_PACKET`. */
  add(packet: Packet): void {
    const table = this.#table
    const sourceIsA = Connections.sourceIsA(packet)
    let entry = table.find(packet, sourceIsA)
    if (entry >= 0 && (table.state[entry]! & EntryState.CLOSED) !== 0 && isSyn(packet)) {
      this.#end(entry, Report.END, packet)
      entry = -1
    }
    if (entry < 0) entry = this.#insert(packet, sourceIsA)
    if (entry < 0) {
      this.tableFull++
      this.single(packet, Report.TABLE_FULL)
      return
    }
    const side = 2 * entry + (sourceIsA ? 0 : 1)
    this.#count(packet, entry, side)
    const report = this.#reportOf(packet, side)
    table.flagsEver[side]! |= packet.tcpFlags
    if (report !== Report.NONE) this.#report(side, report, packet)
    if (isClosed(packet, table.flagsEver[side]!, table.flagsEver[side ^ 1]!)) table.state[entry]! |= EntryState.CLOSED
  }

  /** A row for this packet alone. @returns the row */
  single(packet: Packet, report: number): number {
    const reply = isReply(packet)
    const point = pointOf(this.#options.vantage, packet.direction, !reply)
    return this.#rows.packet(packet, report, point, reply ? Reply.YES : Reply.NO)
  }

  /** Ends what is idle and reports what waits for too long, as of the time of `now`. Returns false when rows ran out: call again. */
  sweep(now: Packet): boolean {
    const seconds = timeOf(now)
    return this.#each((entry) => {
      const idle = seconds - this.#table.lastSeen[entry]!
      if (idle > this.#idleLimit(entry)) this.#end(entry, this.#endReport(entry), now)
      else for (let side = 2 * entry; side < 2 * entry + 2; side++) this.#reportWaiting(side, now)
    })
  }

  /** Ends every connection. Returns false when rows ran out: call again. */
  flush(now: Packet): boolean {
    return this.#each((entry) => this.#end(entry, this.#endReport(entry), now))
  }

  #each(visit: (entry: number) => void): boolean {
    const table = this.#table
    for (let entry = table.cursor; entry < table.highest; entry++) {
      if (this.#rows.room < 2) {
        table.cursor = entry
        return false
      }
      if (table.lastSeen[entry] !== 0) visit(entry)
    }
    table.cursor = 0
    return true
  }

  #insert(packet: Packet, sourceIsA: boolean): number {
    const table = this.#table
    const entry = table.insert(packet, sourceIsA)
    if (entry < 0) return entry
    const fromInitiator = !isReply(packet)
    const point = pointOf(this.#options.vantage, packet.direction, fromInitiator)
    const initiatorIsB = fromInitiator !== sourceIsA
    table.state[entry] =
      (initiatorIsB ? EntryState.INITIATOR_IS_B : 0) | (directionOf(point, fromInitiator) << DIRECTION_SHIFT)
    return entry
  }

  #count(packet: Packet, entry: number, side: number): void {
    const table = this.#table
    const fromInitiator = (side & 1) === (table.state[entry]! & EntryState.INITIATOR_IS_B)
    table.lastSeen[entry] = timeOf(packet)
    table.vlan[entry] = packet.vlan
    table.bytes[side]! += packet.wireBytes
    table.packets[side]! += 1
    table.flags[side]! |= packet.tcpFlags
    table.icmp[side] = (packet.icmpType << 8) | packet.icmpCode
    table.point[side] = pointOf(this.#options.vantage, packet.direction, fromInitiator)
  }

  #reportOf(packet: Packet, side: number): number {
    const last = this.#table.lastReport[side]!
    if (last === 0) return Report.FIRST
    if (packet.tcpFlags & FLAGS_OF_INTEREST & ~this.#table.flagsEver[side]!) return Report.FLAG
    return timeOf(packet) - last >= this.#options.reportIntervalSeconds ? Report.INTERVAL : Report.NONE
  }

  #reportWaiting(side: number, now: Packet): void {
    const waited = timeOf(now) - this.#table.lastReport[side]!
    if (this.#table.packets[side] !== 0 && waited >= this.#options.reportIntervalSeconds) {
      this.#report(side, Report.INTERVAL, now)
    }
  }

  #report(side: number, report: number, now: Packet): void {
    const table = this.#table
    this.#rows.delta(table, side, report, now)
    table.bytes[side] = 0
    table.packets[side] = 0
    table.flags[side] = 0
    table.lastReport[side] = timeOf(now)
  }

  #end(entry: number, report: number, now: Packet): void {
    for (let side = 2 * entry; side < 2 * entry + 2; side++) {
      if (this.#table.packets[side] !== 0) this.#report(side, report, now)
    }
    this.#table.remove(entry)
  }

  #endReport(entry: number): number {
    return this.#table.state[entry]! & EntryState.CLOSED ? Report.END : Report.EXPIRED
  }

  #idleLimit(entry: number): number {
    if (this.#table.state[entry]! & EntryState.CLOSED) return CLOSED_IDLE_S
    return this.#table.protocol(entry) === Protocol.TCP ? TCP_IDLE_S : OTHER_IDLE_S
  }
}

/** Whether a second or more of capture time has passed since `last`, or time went back. */
export function sweepIsDue(last: number, now: Packet): boolean {
  const passed = timeOf(now) - last
  return passed >= SWEEP_EVERY_S || passed < 0
}

/** Capture time in seconds, to the microsecond. */
export function timeOf(packet: Packet): number {
  return packet.seconds + packet.nanos / 1e9
}

function isSyn(packet: Packet): boolean {
  return (packet.tcpFlags & (TcpFlag.SYN | TcpFlag.ACK)) === TcpFlag.SYN
}

function isClosed(packet: Packet, own: number, others: number): boolean {
  if (packet.protocol !== Protocol.TCP) return false
  return (packet.tcpFlags & TcpFlag.RST) !== 0 || (own & others & TcpFlag.FIN) !== 0
}

/** Whether a packet without known connection looks like one of a server: SYN-ACK, echo reply, or from a server's port. */
function isReply(packet: Packet): boolean {
  const { protocol, tcpFlags, sourcePort, destinationPort } = packet
  if (protocol === Protocol.ICMP) return packet.icmpType === ECHO_REPLY_V4
  if (protocol === Protocol.ICMPV6) return packet.icmpType === ECHO_REPLY_V6
  if (protocol === Protocol.TCP && tcpFlags & TcpFlag.SYN) return (tcpFlags & TcpFlag.ACK) !== 0
  return sourcePort < FIRST_CLIENT_PORT && destinationPort >= FIRST_CLIENT_PORT
}
