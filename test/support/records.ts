import { Kind, Protocol } from '../../src/flow/enums.ts'
import { Point } from '../../src/flow/points.ts'
import { EVENT, EVENT_BYTES } from '../../src/receivers/ebpf/layout.ts'
import { addressBytes } from './flows.ts'

/** A kernel record as a test writes it; what is left out is 0 (a TCP packet from the pod, one packet of 74 bytes). */
export interface KernelRecord {
  kind?: number
  ipVersion?: number
  ifindex?: number
  timeNs?: bigint
  source?: string
  destination?: string
  sourcePort?: number
  destinationPort?: number
  protocol?: number
  point?: number
  direction?: number
  reply?: number
  bytes?: number | bigint
  packets?: number
  tcpFlags?: number
  icmpType?: number
  icmpCode?: number
  detail?: number
  rttUs?: number
  location?: bigint
  vlan?: number
  report?: number
  verdict?: number
  payload?: Uint8Array
  payloadMissing?: number
}

/** These records back to back, as the ring's reader hands them over. */
export function slabOf(records: readonly KernelRecord[]): ArrayBuffer {
  return Uint8Array.from(Buffer.concat(records.map(recordBytes))).buffer
}

/** One record in the layout of `bpf/include/event.h`. */
export function recordBytes(record: KernelRecord): Buffer {
  const payload = record.payload ?? new Uint8Array(0)
  const bytes = Buffer.alloc((EVENT_BYTES + payload.length + 7) & ~7)
  bytes.writeUInt16LE(bytes.length, EVENT.length)
  bytes.writeUInt8(record.kind ?? Kind.PACKETS, EVENT.kind)
  bytes.writeUInt8(record.ipVersion ?? (record.source?.includes(':') ? 6 : 4), EVENT.ip_version)
  bytes.writeUInt32LE(record.ifindex ?? 2, EVENT.ifindex)
  bytes.writeBigUInt64LE(record.timeNs ?? 1_000_000_000n, EVENT.time_ns)
  bytes.set(addressBytes(record.source ?? '10.0.0.1'), EVENT.source)
  bytes.set(addressBytes(record.destination ?? '10.0.0.2'), EVENT.destination)
  bytes.writeUInt16LE(record.sourcePort ?? 40_000, EVENT.source_port)
  bytes.writeUInt16LE(record.destinationPort ?? 80, EVENT.destination_port)
  bytes.writeUInt8(record.protocol ?? Protocol.TCP, EVENT.protocol)
  bytes.writeUInt8(record.point ?? Point.TO_STACK, EVENT.point)
  bytes.writeUInt8(record.direction ?? 2, EVENT.direction)
  bytes.writeUInt8(record.reply ?? 1, EVENT.reply)
  bytes.writeBigUInt64LE(BigInt(record.bytes ?? 74), EVENT.bytes)
  bytes.writeUInt32LE(record.packets ?? 1, EVENT.packets)
  bytes.writeUInt16LE(record.tcpFlags ?? 0, EVENT.tcp_flags)
  bytes.writeUInt8(record.icmpType ?? 0, EVENT.icmp_type)
  bytes.writeUInt8(record.icmpCode ?? 0, EVENT.icmp_code)
  bytes.writeUInt32LE(record.detail ?? 0, EVENT.detail)
  bytes.writeUInt32LE(record.rttUs ?? 0, EVENT.rtt_us)
  bytes.writeBigUInt64LE(record.location ?? 0n, EVENT.location)
  bytes.writeUInt16LE(record.vlan ?? 0, EVENT.vlan)
  bytes.writeUInt8(record.report ?? 0, EVENT.report)
  bytes.writeUInt8(record.verdict ?? 0, EVENT.verdict)
  bytes.writeUInt16LE(payload.length, EVENT.payload_length)
  bytes.writeUInt16LE(record.payloadMissing ?? 0, EVENT.payload_missing)
  bytes.set(payload, EVENT_BYTES)
  return bytes
}
