import type { BatchParts } from '../../flow/batch.ts'
import { DnsParser } from '../../flow/dns-message.ts'
import { NETFILTER_NAME } from '../../flow/drop-reason-names.ts'
import { Protocol, Report } from '../../flow/enums.ts'
import { moved } from '../../pipeline/moved.ts'
import { Aggregator, ROWS_PER_PACKET, sweepIsDue, timeOf } from './aggregate.ts'
import { CaptureError, type CaptureFormat } from './capture-format.ts'
import { CaptureReader } from './capture-reader.ts'
import { Connections } from './connections.ts'
import { FlowRows, type TimeMap } from './flow-rows.ts'
import { LINK_TYPES, readLinkLayer } from './link-layer.ts'
import { Parsed, readNetworkLayer } from './network-layer.ts'
import { Dropper, Packet, PacketDirection } from './packet.ts'
import type { Vantage } from './vantage.ts'

/** What is carried from task to task: the worker itself keeps nothing, so that any worker can go on. */
export interface CaptureState {
  format: CaptureFormat
  /** The connection table; moved. */
  table: ArrayBuffer
  /** Capture time in seconds of the last sweep over it. */
  sweptAt: number
}

export interface CaptureTask {
  /** `[from, to)` holds what was read of the file; moved there and back. */
  chunk: ArrayBuffer
  from: number
  to: number
  state: CaptureState
  /** Capture time (Unix seconds) up to which packets are due; Infinity = all. */
  until: number
  /** Ends every connection instead of reading packets. */
  flush: boolean
  time: TimeMap | undefined
  aggregate: boolean
  maxConnections: number
  vantage: Vantage
  reportIntervalSeconds: number
}

/** Counts of one task. */
export interface CaptureCounts {
  packets: number
  notIp: number
  malformed: number
  /** Packets of interfaces whose link type is not read. */
  unreadLink: number
  tableFull: number
  /** DNS messages that found no room in the table of their batch. */
  dnsRefused: number
}

/** Why a task ended: `more` bytes are needed, `rows` are full, the next packet is not `due`, everything is `done`, or the capture is `broken`. */
export type CaptureStop =
  | { why: 'more' | 'rows' | 'done' }
  | { why: 'due'; seconds: number; nanos: number }
  | { why: 'broken'; message: string; at: number }

export type CaptureResult =
  | {
      ok: true
      chunk: ArrayBuffer
      at: number
      state: CaptureState
      parts: BatchParts
      counts: CaptureCounts
      stop: CaptureStop
    }
  | { ok: false; chunk: ArrayBuffer; message: string }

const DNS_PORTS = new Set([53, 5353])

const packet = new Packet()
const dns = new DnsParser()
let rows: FlowRows | undefined

/** Worker task: packets of a piece of a capture become the buffers of a `FlowBatch`. Errors come back as data. */
export function decodeCapture(task: CaptureTask): CaptureResult {
  try {
    const result = new CaptureRun(task).run()
    const { parts, state, chunk } = result
    return moved(result, [chunk, state.table, parts.buffer, parts.l7.buffer, parts.l7.heap])
  } catch (cause) {
    rows = undefined // may be half written
    return moved({ ok: false, chunk: task.chunk, message: String(cause) }, [task.chunk])
  }
}

class CaptureRun {
  readonly #task: CaptureTask
  readonly #bytes: Uint8Array
  readonly #rows: FlowRows
  readonly #reader: CaptureReader
  readonly #aggregator: Aggregator
  readonly #counts: CaptureCounts = { packets: 0, notIp: 0, malformed: 0, unreadLink: 0, tableFull: 0, dnsRefused: 0 }
  #sweptAt: number

  constructor(task: CaptureTask) {
    this.#task = task
    this.#bytes = new Uint8Array(task.chunk)
    rows ??= new FlowRows()
    this.#rows = rows
    this.#rows.begin(task.time)
    this.#reader = new CaptureReader(this.#bytes, task.from, task.to, task.state.format)
    this.#aggregator = new Aggregator(new Connections(task.state.table, task.maxConnections), this.#rows, task)
    this.#sweptAt = task.state.sweptAt
  }

  run(): CaptureResult & { ok: true } {
    const { chunk, flush, state } = this.#task
    const stop = flush ? this.#flush() : this.#read()
    this.#rows.nameInterfaces(this.#reader.format.interfaces)
    this.#counts.tableFull = this.#aggregator.tableFull
    this.#counts.dnsRefused = this.#rows.l7.refused
    return {
      ok: true,
      chunk,
      at: this.#reader.at,
      state: { format: this.#reader.format, table: state.table, sweptAt: this.#sweptAt },
      parts: this.#rows.take(),
      counts: this.#counts,
      stop,
    }
  }

  #flush(): CaptureStop {
    const { seconds, nanos } = this.#reader.format
    Object.assign(packet, { seconds, nanos })
    return { why: this.#aggregator.flush(packet) ? 'done' : 'rows' }
  }

  #read(): CaptureStop {
    const reader = this.#reader
    for (;;) {
      if (this.#rows.room < ROWS_PER_PACKET) return { why: 'rows' }
      try {
        if (!reader.next(packet)) return { why: 'more' }
      } catch (error) {
        if (error instanceof CaptureError) return { why: 'broken', message: error.message, at: error.at }
        throw error
      }
      const { seconds, nanos } = packet
      if (seconds + nanos / 1e9 > this.#task.until) {
        reader.at = reader.packetAt
        return { why: 'due', seconds, nanos }
      }
      if (!this.#sweep()) {
        reader.at = reader.packetAt
        return { why: 'rows' }
      }
      this.#take()
    }
  }

  /** Returns false when rows ran out before all connections were looked at. */
  #sweep(): boolean {
    if (!this.#task.aggregate || !sweepIsDue(this.#sweptAt, packet)) return true
    if (!this.#aggregator.sweep(packet)) return false
    this.#sweptAt = timeOf(packet)
    return this.#rows.room >= ROWS_PER_PACKET
  }

  #take(): void {
    const { format } = this.#reader
    const { linkType } = format.interfaces[packet.interface]!
    const counts = this.#counts
    // Kept for the flush at the end, and for packets without a time.
    format.seconds = packet.seconds
    format.nanos = packet.nanos
    counts.packets++
    packet.clearHeaders()
    if (LINK_TYPES[linkType] === undefined) counts.unreadLink++
    else if (!readLinkLayer(linkType, this.#bytes, packet, format.littleEndian)) counts.malformed++
    else {
      const parsed = readNetworkLayer(this.#bytes, packet)
      if (parsed === Parsed.NOT_IP) counts.notIp++
      else if (parsed === Parsed.MALFORMED) counts.malformed++
      else this.#flow()
    }
  }

  #flow(): void {
    if (packet.droppedBy !== Dropper.NOBODY) {
      this.#rows.drop(this.#aggregator.single(packet, Report.NONE), dropName())
      // What netfilter logs was seen on an interface before, and was counted there.
      if (packet.droppedBy === Dropper.NETFILTER) return
    }
    if (isDns() && this.#dns()) return
    if (this.#task.aggregate) this.#aggregator.add(packet)
    else this.#aggregator.single(packet, Report.PACKET)
  }

  /** Writes rows for DNS messages. Returns true when the packet itself is thereby told, which over TCP it is not. */
  #dns(): boolean {
    const { l7 } = this.#rows
    const first = l7.length
    const { payload, payloadEnd, payloadMissing, protocol } = packet
    if (protocol === Protocol.TCP) dns.parseSegment(this.#bytes, payload, payloadEnd, l7)
    else dns.parse(this.#bytes, payload, payloadEnd, payloadMissing > 0, l7)
    if (l7.length === first) return false
    const row = this.#aggregator.single(packet, Report.NONE)
    this.#rows.dns(row, first)
    if (protocol === Protocol.UDP) return true
    this.#rows.clearDelta(row)
    return false
  }
}

function isDns(): boolean {
  if (packet.payloadEnd <= packet.payload) return false
  if (packet.protocol !== Protocol.UDP && packet.protocol !== Protocol.TCP) return false
  return DNS_PORTS.has(packet.sourcePort) || DNS_PORTS.has(packet.destinationPort)
}

/** The kernel's names of these drops (`enum skb_drop_reason`), netfilter's as in Retina. */
function dropName(): string {
  if (packet.droppedBy === Dropper.NETFILTER) return NETFILTER_NAME
  if (packet.droppedBy === Dropper.XDP) return 'XDP'
  return packet.direction === PacketDirection.OUTBOUND ? 'TC_EGRESS' : 'TC_INGRESS'
}
