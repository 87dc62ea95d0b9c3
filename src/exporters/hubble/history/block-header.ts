import { crc32 } from 'node:zlib'

/** What stands before each block of a segment; numbers are little-endian. */
export interface BlockHeader {
  /** Bytes of the body as it is stored (compressed), and before. */
  storedBytes: number
  rawBytes: number
  /** CRC-32 of the stored body. */
  checksum: number
  /** Flows and reports of loss in it, and the sequence numbers of the first and behind the last: between them none is missing. */
  events: number
  from: number
  /** Largest serial number of a batch in it. */
  serial: number
  /** Unix milliseconds of its oldest and youngest event, by the events' own clock. */
  oldestMs: number
  youngestMs: number
}

/** `FVB1` */
const MAGIC = 0x31425646

export const BLOCK_MAGIC = Buffer.from('FVB1')
export const HEADER_BYTES = 64

/** Largest body: refuses what a damaged header would have allocated. */
const MOST_RAW_BYTES = 256 * 1024 * 1024

/**
 * ```
 * 0 magic · 4 CRC-32 of bytes 8–63 · 8 storedBytes · 12 rawBytes · 16 checksum · 20 events
 * 24 from (f64) · 32 serial (f64) · 40 oldestMs (f64) · 48 youngestMs (f64) · 56 zeros
 * ```
 */
export function writeHeader(header: BlockHeader): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES)
  bytes.writeUInt32LE(MAGIC, 0)
  bytes.writeUInt32LE(header.storedBytes, 8)
  bytes.writeUInt32LE(header.rawBytes, 12)
  bytes.writeUInt32LE(header.checksum, 16)
  bytes.writeUInt32LE(header.events, 20)
  bytes.writeDoubleLE(header.from, 24)
  bytes.writeDoubleLE(header.serial, 32)
  bytes.writeDoubleLE(header.oldestMs, 40)
  bytes.writeDoubleLE(header.youngestMs, 48)
  bytes.writeUInt32LE(crc32(bytes.subarray(8)), 4)
  return bytes
}

/** The header at `at`; undefined when there is none, or a damaged one. */
export function readHeader(bytes: Buffer, at: number): BlockHeader | undefined {
  if (bytes.length - at < HEADER_BYTES || bytes.readUInt32LE(at) !== MAGIC) return undefined
  if (bytes.readUInt32LE(at + 4) !== crc32(bytes.subarray(at + 8, at + HEADER_BYTES))) return undefined
  const header = {
    storedBytes: bytes.readUInt32LE(at + 8),
    rawBytes: bytes.readUInt32LE(at + 12),
    checksum: bytes.readUInt32LE(at + 16),
    events: bytes.readUInt32LE(at + 20),
    from: bytes.readDoubleLE(at + 24),
    serial: bytes.readDoubleLE(at + 32),
    oldestMs: bytes.readDoubleLE(at + 40),
    youngestMs: bytes.readDoubleLE(at + 48),
  }
  return header.rawBytes <= MOST_RAW_BYTES && header.events > 0 && Number.isSafeInteger(header.from)
    ? header
    : undefined
}
