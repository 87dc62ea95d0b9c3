import { CaptureError, type CaptureFormat, type CaptureInterface } from './capture-format.ts'
import { Dropper, type Packet, PacketDirection } from './packet.ts'
import { MICROSECONDS, type TickRate, type TickSplitter, tickRate } from './ticks.ts'

/** Block types of pcapng (draft-ietf-opsawg-pcapng §4). */
export const SECTION_HEADER = 0x0a0d0d0a
const INTERFACE_DESCRIPTION = 1
const OBSOLETE_PACKET = 2
const SIMPLE_PACKET = 3
const ENHANCED_PACKET = 6

const NEEDED = new Set([SECTION_HEADER, INTERFACE_DESCRIPTION, OBSOLETE_PACKET, SIMPLE_PACKET, ENHANCED_PACKET])

const BYTE_ORDER_MAGIC = 0x1a2b3c4d
const SHORTEST = 12
/** The byte order of a section stands behind its type and length. */
const SECTION_HEAD = 12

/** Options that are read. */
const IF_NAME = 2
const IF_TSRESOL = 9
const IF_TSOFFSET = 14
const EPB_FLAGS = 2
const EPB_VERDICT = 7

/** `epb_verdict`: whose verdict it is, and the verdicts that are drops (`linux/pkt_cls.h`, `linux/bpf.h`). */
const VERDICT_TC = 1
const VERDICT_XDP = 2
const TC_ACT_SHOT = 2
const XDP_ABORTED = 0
const XDP_DROP = 1

/** Most interfaces of one section: their descriptions travel with every chunk. */
const MOST_INTERFACES = 4_096

/** Reads blocks of a pcapng capture; the caller has all their bytes at hand. */
export class PcapngBlocks {
  readonly #view: DataView
  readonly #format: CaptureFormat

  constructor(view: DataView, format: CaptureFormat) {
    this.#view = view
    this.#format = format
  }

  /** Bytes of the block at `at`; 0 when its head is not at hand. @throws CaptureError for an impossible length */
  lengthAt(at: number, end: number): number {
    if (end - at < SECTION_HEAD) return 0
    if (this.#view.getUint32(at) === SECTION_HEADER) this.#readByteOrder(at)
    const length = this.#u32(at + 4)
    if (length < SHORTEST || length % 4 !== 0) {
      throw new CaptureError(`has a block of ${length} bytes, which no block can have`, at)
    }
    return length
  }

  isNeeded(at: number): boolean {
    return NEEDED.has(this.#u32(at))
  }

  /** Every block repeats its length at its end. @throws CaptureError when it does not */
  checkEnd(at: number, length: number): void {
    const repeated = this.#u32(at + length - 4)
    if (repeated === length) return
    throw new CaptureError(`has a block whose lengths differ (${length} and ${repeated})`, at)
  }

  /** Reads a block. Returns whether it held a packet, which `packet` then describes. */
  read(at: number, length: number, packet: Packet, ticks: TickSplitter): boolean {
    switch (this.#u32(at)) {
      case SECTION_HEADER:
        this.#format.interfaces = []
        return false
      case INTERFACE_DESCRIPTION:
        this.#readInterface(at, length)
        return false
      case SIMPLE_PACKET:
        this.#readSimple(at, length, packet)
        return true
      default:
        this.#readEnhanced(at, length, packet, ticks)
        return true
    }
  }

  #readByteOrder(at: number): void {
    if (this.#view.getUint32(at + 8, true) === BYTE_ORDER_MAGIC) this.#format.littleEndian = true
    else if (this.#view.getUint32(at + 8) === BYTE_ORDER_MAGIC) this.#format.littleEndian = false
    else throw new CaptureError('has a section header without byte order', at)
  }

  #readInterface(at: number, length: number): void {
    if (length < 20) throw new CaptureError('has an interface description that is too short', at)
    if (this.#format.interfaces.length >= MOST_INTERFACES) {
      throw new CaptureError(`describes more than ${MOST_INTERFACES} interfaces`, at)
    }
    const described: CaptureInterface = {
      linkType: this.#u16(at + 8),
      snapLength: this.#u32(at + 12),
      rate: MICROSECONDS,
      offsetSeconds: 0,
      name: '',
    }
    this.#options(at + 16, at + length - 4, (code, from, size) => {
      if (code === IF_NAME) described.name = this.#text(from, size)
      if (code === IF_TSRESOL && size === 1) described.rate = this.#rate(from, at)
      if (code === IF_TSOFFSET && size === 8) described.offsetSeconds = this.#i64(from)
    })
    this.#format.interfaces.push(described)
  }

  #rate(from: number, block: number): TickRate {
    const resolution = this.#view.getUint8(from)
    const rate = tickRate(resolution)
    if (rate === undefined) throw new CaptureError(`has times in an impossible resolution (${resolution})`, block)
    return rate
  }

  /** Simple packets have no time: they are taken to follow the packet before them at once. */
  #readSimple(at: number, length: number, packet: Packet): void {
    const { snapLength } = this.#interface(0, at)
    packet.wireBytes = this.#u32(at + 8)
    const captured = Math.min(packet.wireBytes, snapLength || packet.wireBytes, length - 16)
    packet.start = at + 12
    packet.end = packet.start + Math.max(0, captured)
    packet.interface = 0
    packet.direction = PacketDirection.UNKNOWN
    packet.droppedBy = Dropper.NOBODY
    packet.seconds = this.#format.seconds
    packet.nanos = this.#format.nanos
  }

  /** Enhanced packets, and the packets of old that have a 16-bit interface and a count of drops in its place. */
  #readEnhanced(at: number, length: number, packet: Packet, ticks: TickSplitter): void {
    if (length < 32) throw new CaptureError('has a packet block that is too short', at)
    packet.interface = this.#u32(at) === OBSOLETE_PACKET ? this.#u16(at + 8) : this.#u32(at + 8)
    const { rate, offsetSeconds } = this.#interface(packet.interface, at)
    ticks.split(this.#u32(at + 12), this.#u32(at + 16), rate)
    packet.seconds = ticks.seconds + offsetSeconds
    packet.nanos = ticks.nanos
    this.#format.seconds = packet.seconds
    this.#format.nanos = packet.nanos
    const captured = this.#u32(at + 20)
    if (captured > length - 32) throw new CaptureError(`has a packet that is longer than its block`, at)
    packet.start = at + 28
    packet.end = packet.start + captured
    packet.wireBytes = this.#u32(at + 24)
    packet.direction = PacketDirection.UNKNOWN
    packet.droppedBy = Dropper.NOBODY
    const options = packet.start + ((captured + 3) & ~3)
    if (options < at + length - 4) this.#readPacketOptions(options, at + length - 4, packet)
  }

  #readPacketOptions(at: number, end: number, packet: Packet): void {
    this.#options(at, end, (code, from, size) => {
      if (code === EPB_FLAGS && size === 4) packet.direction = this.#u32(from) & 3
      if (code !== EPB_VERDICT || size !== 9) return
      const by = this.#view.getUint8(from)
      const verdict = this.#i64(from + 1)
      if (by === VERDICT_TC && verdict === TC_ACT_SHOT) packet.droppedBy = Dropper.TC
      if (by === VERDICT_XDP && (verdict === XDP_ABORTED || verdict === XDP_DROP)) packet.droppedBy = Dropper.XDP
    })
  }

  #interface(id: number, block: number): CaptureInterface {
    const described = this.#format.interfaces[id]
    if (described === undefined)
      throw new CaptureError(`has a packet of interface ${id}, which it does not describe`, block)
    return described
  }

  /** Calls `see` for each option in `[at, end)`; stops at the end mark or at one that does not fit. */
  #options(at: number, end: number, see: (code: number, from: number, size: number) => void): void {
    let option = at
    while (option + 4 <= end) {
      const code = this.#u16(option)
      const size = this.#u16(option + 2)
      if (code === 0 || option + 4 + size > end) return
      see(code, option + 4, size)
      option += 4 + ((size + 3) & ~3)
    }
  }

  #text(from: number, size: number): string {
    return Buffer.from(this.#view.buffer, this.#view.byteOffset + from, size)
      .toString()
      .replace(/\0+$/, '')
  }

  #i64(at: number): number {
    return Number(this.#view.getBigInt64(at, this.#format.littleEndian))
  }

  #u32(at: number): number {
    return this.#view.getUint32(at, this.#format.littleEndian)
  }

  #u16(at: number): number {
    return this.#view.getUint16(at, this.#format.littleEndian)
  }
}
