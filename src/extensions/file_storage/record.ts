import { crc32 } from 'node:zlib'
import type { QueueItem } from '../../pipeline/sending-queue/queue.ts'

/**
 * A file of a queue: a line of 32 bytes (the format's version and the CRC-32 of what stands before it), then records, each a header of 24 bytes and the bytes of a request. Numbers are
 * little-endian.
 * ```
 * 0 "FVQ1" · 4 CRC-32 of bytes 8–19, seeded · 8 bytes of the request · 12 their CRC-32 · 16 flows · 20 state
 * ```
 * The seed is a part of the file's name: nobody whose data gets into a request can make up a record in it.
 */

/** With the version of the format. */
const NAME = 'fovea queue 1'

const START = /^(fovea queue (\d{1,6})) ([0-9a-f]{8}) *\n$/

export const FILE_START = Buffer.from(`${`${NAME} ${checksumOf(NAME)}`.padEnd(31)}\n`)

export const RECORD_MAGIC = Buffer.from('FVQ1')
export const HEADER_BYTES = 24

/** Of the state, in the header: the only bytes of a file that are written over. */
export const STATE_OFFSET = 20

const LIVE = 0
/** `DONE` */
const DONE = 0x454e4f44

/** What is written over the state of a record that is done with. */
export const DONE_MARK = Buffer.from('DONE')

export interface RecordHeader {
  /** Bytes of the request. */
  length: number
  checksum: number
  flows: number
  done: boolean
  /** Whether the state is one that is ever written. */
  sound: boolean
}

export function writeRecordHeader({ bytes, flows }: QueueItem, seed: number): Buffer {
  const header = Buffer.alloc(HEADER_BYTES)
  RECORD_MAGIC.copy(header)
  header.writeUInt32LE(bytes.length, 8)
  header.writeUInt32LE(crc32(bytes), 12)
  header.writeUInt32LE(flows, 16)
  header.writeUInt32LE(crc32(header.subarray(8, STATE_OFFSET), seed), 4)
  return header
}

/** The header at `at`; undefined when there is none, or a damaged one. */
export function readRecordHeader(bytes: Buffer, at: number, seed: number): RecordHeader | undefined {
  if (bytes.length - at < HEADER_BYTES || bytes.compare(RECORD_MAGIC, 0, 4, at, at + 4) !== 0) return undefined
  if (bytes.readUInt32LE(at + 4) !== crc32(bytes.subarray(at + 8, at + STATE_OFFSET), seed)) return undefined
  const state = bytes.readUInt32LE(at + STATE_OFFSET)
  return {
    length: bytes.readUInt32LE(at + 8),
    checksum: bytes.readUInt32LE(at + 12),
    flows: bytes.readUInt32LE(at + 16),
    done: state === DONE,
    sound: state === DONE || state === LIVE,
  }
}

/** What the first bytes of a file say of it; a number is the version of another program's format. */
export function readFileStart(bytes: Buffer): 'good' | 'damaged' | number {
  if (bytes.equals(FILE_START)) return 'good'
  const [, name = '', version, checksum] = START.exec(bytes.toString('latin1')) ?? []
  return version !== undefined && checksum === checksumOf(name) ? Number(version) : 'damaged'
}

function checksumOf(name: string): string {
  return crc32(name).toString(16).padStart(8, '0')
}
