import { type FileHandle, open, rm, stat } from 'node:fs/promises'
import { promisify } from 'node:util'
import { crc32, constants as zlib, zstdCompress, zstdDecompress } from 'node:zlib'
import { COLUMNS } from '../../../flow/columns.ts'
import { l7Layout } from '../../../flow/l7.ts'
import { AppendFile } from '../../../pipeline/disk/append-file.ts'
import { findHeader, type HeaderFormat } from '../../../pipeline/disk/find-header.ts'
import type { RawBlock } from './block.ts'
import { BLOCK_MAGIC, type BlockHeader, HEADER_BYTES, readHeader, writeHeader } from './block-header.ts'

const compress = promisify(zstdCompress)
const decompress = promisify(zstdDecompress)

/** Rows of columns are as this program has them: a segment of a program with other columns is not read. */
const LAYOUT = JSON.stringify([Object.entries(COLUMNS).map(([name, [type, n]]) => [name, type.name, n]), l7Layout()])

/** Level 1: the next ones take twice the time and save a few percent. */
const FAST = { params: { [zlib.ZSTD_c_compressionLevel]: 1 } }

/** Bytes of room beyond the body: each buffer of output that is full costs a turn of the thread pool. */
const SLACK_BYTES = 1_024

/** The first bytes of each segment: name and version of the format, CRC-32 of the columns' names and types. */
const SEGMENT_START = Buffer.from(`${`fovea history 1 ${crc32(LAYOUT).toString(16).padStart(8, '0')}`.padEnd(31)}\n`)

const BLOCK: HeaderFormat = {
  magic: BLOCK_MAGIC,
  headerBytes: HEADER_BYTES,
  bodyBytes: (window, at) => readHeader(window, at)?.storedBytes,
}

/** A block and where it is. */
export interface StoredBlock extends BlockHeader {
  readonly at: 'disk'
  readonly segment: Segment
  /** Of the header, in the segment. */
  readonly offset: number
}

/** A block as it is written. */
export interface PackedBlock {
  header: BlockHeader
  stored: Buffer
}

/** Compresses a block, outside the main thread. */
export async function packBlock({ header, body }: RawBlock): Promise<PackedBlock> {
  const stored = await compress(body, { ...FAST, chunkSize: Math.ceil(body.length / 2) + SLACK_BYTES })
  return { header: { ...header, storedBytes: stored.length, checksum: crc32(stored) }, stored }
}

/** What a block's header or body promised is not there. */
export class DamageError extends Error {
  override readonly name = 'DamageError'
}

/** A file of blocks. Appended to by one writer; read by anybody at the same time. */
export class Segment {
  readonly path: string
  /** Bytes of the file. */
  bytes = 0
  /** Unix milliseconds of the last writing. */
  writtenMs = 0
  /** Unix milliseconds of the first writing this process knows of. */
  startedMs: number
  #file: AppendFile | undefined

  constructor(path: string, nowMs: number) {
    this.path = path
    this.startedMs = nowMs
  }

  get isOpen(): boolean {
    return this.#file !== undefined
  }

  /** Opens the file, or makes it, for appending. @throws Error of the file system, with its code */
  async open(): Promise<void> {
    this.#file = await AppendFile.open(this.path)
    this.bytes = this.#file.bytes
    try {
      if (this.bytes === 0) await this.#append([SEGMENT_START])
    } catch (error) {
      await this.close(false).catch(() => {})
      throw error
    }
  }

  /** Appends a block. @throws Error of the file system, with its code; nothing of the block is left then */
  async append({ header, stored }: PackedBlock, nowMs: number): Promise<StoredBlock> {
    const offset = this.bytes
    await this.#append([writeHeader(header), stored])
    this.writtenMs = nowMs
    return { ...header, at: 'disk', segment: this, offset }
  }

  /** Forgets all blocks. */
  async clear(): Promise<void> {
    await this.#file?.truncate(SEGMENT_START.length)
    this.bytes = SEGMENT_START.length
  }

  /** Nothing is appended any more for now. @param sync waits until the disk has it */
  async close(sync: boolean): Promise<void> {
    const file = this.#file
    this.#file = undefined
    await file?.close(sync)
  }

  /** Takes the file away; one that is gone already is right, too. */
  async remove(): Promise<void> {
    await this.close(false).catch(() => {})
    await rm(this.path, { force: true })
  }

  /**
   * Finds the blocks of the file by their headers; bodies are checked when they are read.
   * @param damaged told of every stretch that is no block
   * @returns undefined when the file is of another version, or no segment at all
   */
  async scan(damaged: () => void): Promise<StoredBlock[] | undefined> {
    const { size, mtimeMs } = await stat(this.path)
    this.bytes = size
    this.startedMs = this.writtenMs = mtimeMs
    const file = await open(this.path, 'r')
    try {
      const start = Buffer.alloc(SEGMENT_START.length)
      await file.read(start, 0, start.length, 0)
      return start.equals(SEGMENT_START) ? await this.#blocks(file, size, damaged) : undefined
    } finally {
      await file.close()
    }
  }

  /** The body of a block. @throws DamageError, or an Error of the file system (ENOENT: the segment was dropped) */
  async read(block: StoredBlock): Promise<Uint8Array<ArrayBuffer>> {
    const file = await open(this.path, 'r')
    try {
      const stored = Buffer.allocUnsafeSlow(block.storedBytes)
      const { bytesRead } = await file.read(stored, 0, stored.length, block.offset + HEADER_BYTES)
      if (bytesRead < stored.length || crc32(stored) !== block.checksum) throw new DamageError('wrong checksum')
      const body = await decompress(stored, {
        maxOutputLength: block.rawBytes,
        chunkSize: block.rawBytes + SLACK_BYTES,
      })
      if (body.length !== block.rawBytes) throw new DamageError('wrong length')
      // Views of columns need an offset that is a multiple of 8, which a part of a pool may not have.
      return body.byteOffset % 8 === 0 ? (body as Uint8Array<ArrayBuffer>) : Uint8Array.from(body)
    } finally {
      await file.close()
    }
  }

  async #append(chunks: Buffer[]): Promise<void> {
    const file = this.#file
    if (file === undefined) throw new Error(`${this.path} is not open`)
    try {
      await file.append(chunks)
    } finally {
      this.bytes = file.bytes
    }
  }

  async #blocks(file: FileHandle, size: number, damaged: () => void): Promise<StoredBlock[]> {
    const blocks: StoredBlock[] = []
    const bytes = Buffer.alloc(HEADER_BYTES)
    const read = async (into: Buffer, at: number) => (await file.read(into, 0, into.length, at)).bytesRead
    let offset = SEGMENT_START.length
    while (offset < size) {
      const header = readHeader(bytes.subarray(0, await read(bytes, offset)), 0)
      const end = offset + HEADER_BYTES + (header?.storedBytes ?? 0)
      if (header !== undefined && end <= size) {
        blocks.push({ ...header, at: 'disk', segment: this, offset })
        offset = end
        continue
      }
      damaged()
      offset = await findHeader(read, BLOCK, offset + 1, size)
    }
    return blocks
  }
}
