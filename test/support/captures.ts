/** Captures as tests write them, in both formats and both byte orders. */

export interface CapturedPacket {
  /** Unix time. */
  seconds?: number
  nanos?: number
  bytes: Uint8Array
  /** Bytes on the wire when more than captured. */
  wire?: number
  interface?: number
  /** pcapng: 1 in, 2 out. */
  direction?: number
  /** pcapng: who (1 TC, 2 XDP) and what. */
  verdict?: [number, number]
}

interface PcapOptions {
  linkType?: number
  bigEndian?: boolean
  nanos?: boolean
}

class Writer {
  readonly #big: boolean
  #parts: Buffer[] = []

  constructor(bigEndian: boolean) {
    this.#big = bigEndian
  }

  u16(...values: number[]): this {
    for (const value of values) {
      const bytes = Buffer.alloc(2)
      if (this.#big) bytes.writeUInt16BE(value)
      else bytes.writeUInt16LE(value)
      this.#parts.push(bytes)
    }
    return this
  }

  u32(...values: number[]): this {
    for (const value of values) {
      const bytes = Buffer.alloc(4)
      if (this.#big) bytes.writeUInt32BE(value)
      else bytes.writeUInt32LE(value)
      this.#parts.push(bytes)
    }
    return this
  }

  u64(value: bigint): this {
    const [high, low] = [Number(value >> 32n), Number(value & 0xffffffffn)]
    return this.#big ? this.u32(high, low) : this.u32(low, high)
  }

  bytes(bytes: Uint8Array): this {
    this.#parts.push(Buffer.from(bytes))
    return this
  }

  padded(bytes: Uint8Array): this {
    return this.bytes(bytes).bytes(Buffer.alloc(-bytes.length & 3))
  }

  end(): Buffer {
    return Buffer.concat(this.#parts)
  }
}

/** A pcap file. */
export function pcapFile(packets: readonly CapturedPacket[], options: PcapOptions = {}): Buffer {
  const out = new Writer(options.bigEndian ?? false)
  out
    .u32(options.nanos ? 0xa1b23c4d : 0xa1b2c3d4)
    .u16(2, 4)
    .u32(0, 0, 262_144, options.linkType ?? 1)
  for (const { seconds = 1_000, nanos = 0, bytes, wire } of packets) {
    out.u32(seconds, options.nanos ? nanos : Math.floor(nanos / 1000), bytes.length, wire ?? bytes.length).bytes(bytes)
  }
  return out.end()
}

interface PcapngInterface {
  linkType?: number
  name?: string
  /** `if_tsresol`; default 9 (nanoseconds). */
  resolution?: number
  offsetSeconds?: number
}

interface PcapngOptions {
  bigEndian?: boolean
  interfaces?: readonly PcapngInterface[]
  /** Ticks of a packet's time; default nanoseconds. */
  ticks?(packet: CapturedPacket): bigint
}

/** A pcapng file of one section. */
export function pcapngFile(packets: readonly CapturedPacket[], options: PcapngOptions = {}): Buffer {
  const big = options.bigEndian ?? false
  const ticks = options.ticks ?? ((p) => BigInt(p.seconds ?? 1_000) * 1_000_000_000n + BigInt(p.nanos ?? 0))
  const blocks = [block(big, 0x0a0d0d0a, new Writer(big).u32(0x1a2b3c4d).u16(1, 0).u64(0xffffffffffffffffn).end())]
  for (const each of options.interfaces ?? [{}]) blocks.push(interfaceBlock(big, each))
  for (const packet of packets) blocks.push(enhancedBlock(big, packet, ticks(packet)))
  return Buffer.concat(blocks)
}

/** A block of pcapng with its two lengths. */
export function block(bigEndian: boolean, type: number, body: Uint8Array): Buffer {
  const length = 12 + body.length
  return new Writer(bigEndian).u32(type, length).bytes(body).u32(length).end()
}

/** A packet without time and interface. */
export function simpleBlock(bigEndian: boolean, bytes: Uint8Array): Buffer {
  return block(bigEndian, 3, new Writer(bigEndian).u32(bytes.length).padded(bytes).end())
}

function interfaceBlock(big: boolean, each: PcapngInterface): Buffer {
  const out = new Writer(big).u16(each.linkType ?? 1, 0).u32(0)
  const name = Buffer.from(each.name ?? 'eth0')
  out.u16(2, name.length).padded(name)
  out.u16(9, 1).padded(Uint8Array.of(each.resolution ?? 9))
  if (each.offsetSeconds !== undefined) out.u16(14, 8).u64(BigInt.asUintN(64, BigInt(each.offsetSeconds)))
  return block(big, 1, out.u16(0, 0).end())
}

function enhancedBlock(big: boolean, packet: CapturedPacket, ticks: bigint): Buffer {
  const { bytes, wire } = packet
  const out = new Writer(big).u32(packet.interface ?? 0, Number(ticks >> 32n), Number(ticks & 0xffffffffn))
  out.u32(bytes.length, wire ?? bytes.length).padded(bytes)
  if (packet.direction !== undefined) out.u16(2, 4).u32(packet.direction)
  if (packet.verdict !== undefined) {
    const [by, verdict] = packet.verdict
    out.u16(7, 9).padded(new Writer(big).bytes(Uint8Array.of(by)).u64(BigInt(verdict)).end())
  }
  return block(big, 6, out.u16(0, 0).end())
}
