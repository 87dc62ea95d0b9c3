import { objectPath } from '../../native/addon.ts'
import { openTestObject, type Rodata, type TestContext, type TestObject } from '../../native/test-object.ts'
import { EVENT, EVENT_BYTES } from '../../src/receivers/ebpf/layout.ts'

/** Index of `enum fovea_counter` (bpf/include/event.h). */
export const Counter = {
  LOST_RING: 0,
  DEFERRED: 1,
  TABLE_FULL: 2,
  NOT_IP: 3,
  MALFORMED: 4,
  DROPS_LEFT_OUT: 5,
  SEEN_PACKETS: 6,
  SEEN_BYTES: 7,
} as const

/** A record of the ring with its fields read; addresses as text. */
export interface RecordFields {
  kind: number
  ipVersion: number
  ifindex: number
  source: string
  destination: string
  sourcePort: number
  destinationPort: number
  protocol: number
  point: number
  direction: number
  reply: number
  bytes: number
  packets: number
  tcpFlags: number
  icmpType: number
  icmpCode: number
  detail: number
  rttUs: number
  vlan: number
  report: number
  verdict: number
  payload: Buffer
  payloadMissing: number
}

export type PacketProgram =
  | 'endpoint_ingress'
  | 'endpoint_egress'
  | 'network_ingress'
  | 'network_egress'
  | 'loopback_egress'

export interface PacketProgramsOptions {
  rodata?: Rodata
  /** Buckets of the connection table. */
  buckets?: number
  /** Bytes of the ring. */
  ringBytes?: number
}

/** packets.bpf.o run packet by packet, with the sums that its promise is about. */
export class PacketPrograms {
  readonly #object: TestObject
  #packets = 0
  #bytes = 0

  constructor(options: PacketProgramsOptions = {}) {
    this.#object = openTestObject({
      path: objectPath('packets'),
      rodata: { cfg_report_interval_ns: 3_600_000_000_000n, ...options.rodata },
      maxEntries: { events: options.ringBytes ?? 1 << 20, connections: options.buckets ?? 1024 },
    })
  }

  /** Runs `program` on `packet`. @returns what the program returned */
  send(program: PacketProgram, packet: Uint8Array, context?: TestContext): number {
    return this.#object.run(program, packet, context).returned
  }

  /** Sends a packet from the pod, as its host-side interface sees it. */
  fromPod(packet: Uint8Array, context?: TestContext): void {
    this.send('endpoint_ingress', packet, context)
  }

  toPod(packet: Uint8Array, context?: TestContext): void {
    this.send('endpoint_egress', packet, context)
  }

  /** Takes the records that wait, and adds up their packets and bytes. */
  records(): RecordFields[] {
    const records = this.#object.records().map(readRecord)
    for (const record of records) {
      this.#packets += record.packets
      this.#bytes += record.bytes
    }
    return records
  }

  /** Walks the whole table once. */
  sweep(flushAll = false): void {
    let first = 0
    do {
      const input = Buffer.alloc(16)
      input.writeUInt32LE(flushAll ? 1 : 0, 0)
      input.writeUInt32LE(first, 4)
      first = this.#object.run('sweep', input).returned
    } while (first !== 0)
  }

  counter(counter: number): number {
    return this.#object.counters()[counter] ?? 0
  }

  /** Entries of the connection table in use. */
  connections(): number {
    const ways = 8
    const firstTag = 8
    let used = 0
    for (const { value } of this.#object.entries('connections')) {
      const bucket = Buffer.from(value)
      for (let way = 0; way < ways; way++) if (bucket.readUInt32LE(firstTag + way * 4) !== 0) used++
    }
    return used
  }

  /** Flushes, and tells both sums: what the records say and what the programs saw. */
  settle(): { reported: [packets: number, bytes: number]; seen: [packets: number, bytes: number] } {
    this.records()
    this.sweep(true)
    this.records()
    return {
      reported: [this.#packets, this.#bytes],
      seen: [this.counter(Counter.SEEN_PACKETS), this.counter(Counter.SEEN_BYTES)],
    }
  }

  close(): void {
    this.#object.close()
  }
}

/** The fields of one record. */
export function readRecord(record: Uint8Array): RecordFields {
  const bytes = Buffer.from(record)
  const payloadLength = bytes.readUInt16LE(EVENT.payload_length)
  return {
    kind: bytes.readUInt8(EVENT.kind),
    ipVersion: bytes.readUInt8(EVENT.ip_version),
    ifindex: bytes.readUInt32LE(EVENT.ifindex),
    source: addressText(bytes.subarray(EVENT.source, EVENT.source + 16)),
    destination: addressText(bytes.subarray(EVENT.destination, EVENT.destination + 16)),
    sourcePort: bytes.readUInt16LE(EVENT.source_port),
    destinationPort: bytes.readUInt16LE(EVENT.destination_port),
    protocol: bytes.readUInt8(EVENT.protocol),
    point: bytes.readUInt8(EVENT.point),
    direction: bytes.readUInt8(EVENT.direction),
    reply: bytes.readUInt8(EVENT.reply),
    bytes: Number(bytes.readBigUInt64LE(EVENT.bytes)),
    packets: bytes.readUInt32LE(EVENT.packets),
    tcpFlags: bytes.readUInt16LE(EVENT.tcp_flags),
    icmpType: bytes.readUInt8(EVENT.icmp_type),
    icmpCode: bytes.readUInt8(EVENT.icmp_code),
    detail: bytes.readUInt32LE(EVENT.detail),
    rttUs: bytes.readUInt32LE(EVENT.rtt_us),
    vlan: bytes.readUInt16LE(EVENT.vlan),
    report: bytes.readUInt8(EVENT.report),
    verdict: bytes.readUInt8(EVENT.verdict),
    payload: bytes.subarray(EVENT_BYTES, EVENT_BYTES + payloadLength),
    payloadMissing: bytes.readUInt16LE(EVENT.payload_missing),
  }
}

/** IPv4 dotted; IPv6 as eight groups without leading zeros, shortened at the first run of zeros. */
function addressText(bytes: Buffer): string {
  if (bytes.readUIntBE(0, 6) === 0 && bytes.readUIntBE(6, 6) === 0xffff) return bytes.subarray(12).join('.')
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(i * 2).toString(16)).join(':')
  return groups.replace(/(^|:)0(:0)+(:|$)/, '::')
}
