import { CaptureError, type CaptureFormat } from './capture-format.ts'
import { Dropper, type Packet, PacketDirection } from './packet.ts'
import { PcapngBlocks, SECTION_HEADER } from './pcapng-blocks.ts'
import { MICROSECONDS, NANOSECONDS, TickSplitter } from './ticks.ts'

/** By the first four bytes: byte order and whether times are in nanoseconds. */
const PCAP_MAGIC: Readonly<Record<number, { littleEndian: boolean; nanos: boolean }>> = {
  2712847316: { littleEndian: false, nanos: false }, // a1 b2 c3 d4
  2712812621: { littleEndian: false, nanos: true }, // a1 b2 3c 4d
  3569595041: { littleEndian: true, nanos: false },
  1295823521: { littleEndian: true, nanos: true },
}

const PCAP_HEADER = 24
const PCAP_RECORD = 16

/** What other files begin with, to say what was found. */
const OTHER_FILES: readonly [string, string][] = [
  ['1f8b', 'gzip: decompress it first'],
  ['28b52ffd', 'zstd: decompress it first'],
  ['fd377a58', 'xz: decompress it first'],
  ['42524348', 'a Microsoft Network Monitor capture: convert it with editcap'],
  ['736e6f6f', 'a snoop capture: convert it with editcap'],
]

/** Reads packets of a pcap or pcapng capture from the bytes at hand, whichever it is (draft-ietf-opsawg-pcap, -pcapng). */
export class CaptureReader {
  /** Offset of what was not read yet. */
  at: number
  /** Where the last packet began: set `at` to it to read that packet again. */
  packetAt = 0
  readonly format: CaptureFormat
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #end: number
  readonly #ticks = new TickSplitter()
  readonly #blocks: PcapngBlocks

  /** @param format of the bytes before `from`; is kept up to date */
  constructor(bytes: Uint8Array, from: number, end: number, format: CaptureFormat) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.at = from
    this.#end = end
    this.format = format
    this.#blocks = new PcapngBlocks(this.#view, format)
  }

  /**
   * Reads the next packet into `packet`. @returns false when its bytes are not all at hand
   * @throws CaptureError when the capture is none or broken
   */
  next(packet: Packet): boolean {
    if (this.format.kind === 'unknown' && !this.#readMagic()) return false
    return this.format.kind === 'pcap' ? this.#nextRecord(packet) : this.#nextBlock(packet)
  }

  #readMagic(): boolean {
    if (this.#end - this.at < PCAP_HEADER) return false
    const magic = this.#view.getUint32(this.at)
    if (magic === SECTION_HEADER) {
      this.format.kind = 'pcapng'
      return true
    }
    const known = PCAP_MAGIC[magic]
    if (known === undefined) throw new CaptureError(`is no pcap or pcapng file: ${this.#found()}`, this.at)
    const { littleEndian } = known
    this.format.kind = 'pcap'
    this.format.littleEndian = littleEndian
    this.format.interfaces.push({
      // The upper bits tell the length of the frame check sequence.
      linkType: this.#view.getUint32(this.at + 20, littleEndian) & 0xfffffff,
      snapLength: 0,
      rate: known.nanos ? NANOSECONDS : MICROSECONDS,
      offsetSeconds: 0,
      name: '',
    })
    this.at += PCAP_HEADER
    return true
  }

  #found(): string {
    const hex = Buffer.from(this.#bytes.subarray(this.at, this.at + 4)).toString('hex')
    const other = OTHER_FILES.find(([magic]) => hex.startsWith(magic))
    return `it begins with ${hex.replace(/(..)(?=.)/g, '$1 ')}${other ? ` (${other[1]})` : ''}`
  }

  #nextRecord(packet: Packet): boolean {
    if (this.#end - this.at < PCAP_RECORD) return false
    const { littleEndian, interfaces } = this.format
    const captured = this.#view.getUint32(this.at + 8, littleEndian)
    if (captured > this.#bytes.length - PCAP_RECORD) {
      throw new CaptureError(`has a packet of ${captured} bytes, which is more than any link carries`, this.at)
    }
    const start = this.at + PCAP_RECORD
    if (start + captured > this.#end) return false
    this.packetAt = this.at
    const fraction = this.#view.getUint32(this.at + 4, littleEndian)
    packet.seconds = this.#view.getUint32(this.at, littleEndian)
    packet.nanos = interfaces[0]!.rate.perSecond === 1e9 ? fraction : fraction * 1000
    packet.start = start
    packet.end = start + captured
    packet.wireBytes = this.#view.getUint32(this.at + 12, littleEndian)
    packet.interface = 0
    packet.direction = PacketDirection.UNKNOWN
    packet.droppedBy = Dropper.NOBODY
    this.at = packet.end
    return true
  }

  #nextBlock(packet: Packet): boolean {
    for (;;) {
      if (!this.#skipped()) return false
      const length = this.#blocks.lengthAt(this.at, this.#end)
      if (length === 0) return false
      if (!this.#blocks.isNeeded(this.at)) {
        this.format.skip = length
        continue
      }
      if (length > this.#bytes.length) {
        throw new CaptureError(`has a packet block of ${length} bytes, which is more than any link carries`, this.at)
      }
      if (this.at + length > this.#end) return false
      const start = this.at
      this.#blocks.checkEnd(start, length)
      this.packetAt = start
      this.at += length
      if (this.#blocks.read(start, length, packet, this.#ticks)) return true
    }
  }

  /** Steps over the rest of an unneeded block. Returns false while there is more of it than bytes at hand. */
  #skipped(): boolean {
    const step = Math.min(this.format.skip, this.#end - this.at)
    this.at += step
    this.format.skip -= step
    return this.format.skip === 0
  }
}
