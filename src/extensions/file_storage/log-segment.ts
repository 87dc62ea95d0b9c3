import { rename, rm } from 'node:fs/promises'
import { crc32 } from 'node:zlib'
import { AppendFile } from '../../pipeline/disk/append-file.ts'
import { findHeader, type HeaderFormat } from '../../pipeline/disk/find-header.ts'
import type { QueueAmount, QueueItem } from '../../pipeline/sending-queue/queue.ts'
import {
  DONE_MARK,
  FILE_START,
  HEADER_BYTES,
  RECORD_MAGIC,
  type RecordHeader,
  readFileStart,
  readRecordHeader,
  STATE_OFFSET,
  writeRecordHeader,
} from './record.ts'

/** Read at once to find records: many small ones, or the header of a large one. */
const READ_BYTES = 64 * 1024

/** A record and where it is. */
export interface FoundRecord extends RecordHeader {
  /** Of the header, in the file. */
  offset: number
}

/** What was appended. */
export interface Appended {
  readonly items: readonly QueueItem[]
  readonly offsets: readonly number[]
  /** Offset behind the last one. */
  readonly end: number
}

/** One file of a queue. Appended to by one writer; read in order by one reader at the same time. */
export class LogSegment {
  readonly path: string
  readonly #seed: number
  /** Bytes that can be read. */
  bytes = 0
  /** Records that are not done with. */
  live = 0
  /** Of them, those that the reader has not come to yet. */
  readonly unread: QueueAmount = { requests: 0, items: 0, bytes: 0 }
  /** Something in it is no record. */
  damaged = false
  #file: Promise<AppendFile> | undefined
  #removed = false
  /** Bytes read last, and where they stand. */
  #chunk = Buffer.alloc(0)
  #chunkAt = 0

  constructor(path: string, seed: number) {
    this.path = path
    this.#seed = seed
  }

  /** Nothing of it is needed any more. */
  get removed(): boolean {
    return this.#removed
  }

  /** Looks at every record. @returns the version when it is another one, whose records are not looked at */
  async scan(): Promise<number | undefined> {
    this.bytes = (await this.#open()).bytes
    const start = Buffer.alloc(FILE_START.length)
    const version = readFileStart(start.subarray(0, await this.#read(start, 0)))
    if (typeof version === 'number') return version
    if (version === 'damaged') this.damaged = this.bytes > 0
    for (let offset = FILE_START.length; ; ) {
      const record = await this.next(offset, this.bytes)
      if (record === undefined) return undefined
      offset = endOf(record)
      if (!record.done) this.#count(record.flows, record.length)
    }
  }

  /**
   * Appends records, which the reader does not see before `publish`.
   * @throws Error of the file system; nothing of the records is left then
   */
  async append(items: readonly QueueItem[], sync: boolean): Promise<Appended> {
    const file = await this.#open()
    const chunks: Uint8Array[] = file.bytes === 0 ? [FILE_START] : []
    let end = Math.max(file.bytes, FILE_START.length)
    const offsets = items.map((item) => {
      chunks.push(writeRecordHeader(item, this.#seed), item.bytes)
      const offset = end
      end += HEADER_BYTES + item.bytes.length
      return offset
    })
    await file.append(chunks, sync)
    return { items, offsets, end }
  }

  /** The reader may come to what was appended. */
  publish({ items, end }: Appended): void {
    for (const { flows, bytes } of items) this.#count(flows, bytes.length)
    this.bytes = end
  }

  /** The first record from `offset` on and before `limit`; what is none is skipped. @throws Error of the file system */
  async next(offset: number, limit: number): Promise<FoundRecord | undefined> {
    for (let at = offset; at < limit; ) {
      const header = readRecordHeader(await this.#window(at), 0, this.#seed)
      const whole = header !== undefined && at + HEADER_BYTES + header.length <= limit
      if (!whole || !header.sound) this.damaged = true
      if (whole) return { ...header, offset: at }
      at = await findHeader((into, from) => this.#read(into, from), this.#format, at + 1, limit)
    }
    return undefined
  }

  /** The request of a record; undefined when it is damaged. @throws Error of the file system */
  async request({ offset, length, checksum, flows }: FoundRecord): Promise<QueueItem | undefined> {
    const at = offset + HEADER_BYTES
    const bytes = Buffer.allocUnsafeSlow(length)
    const inChunk = at - this.#chunkAt
    if (inChunk >= 0 && inChunk + length <= this.#chunk.length) this.#chunk.copy(bytes, 0, inChunk, inChunk + length)
    else if ((await this.#read(bytes, at)) < length) this.damaged = true
    if (crc32(bytes) === checksum) return { bytes, flows }
    this.damaged = true
    return undefined
  }

  /** The reader has come past this much that was not done with. */
  read(flows: number, bytes: number): void {
    this.unread.requests--
    this.unread.items -= flows
    this.unread.bytes -= bytes
  }

  /** Gives up what the reader has not come to. @returns how much that is */
  giveUp(): QueueAmount {
    const lost = { ...this.unread }
    this.damaged = true
    this.live -= lost.requests
    Object.assign(this.unread, { requests: 0, items: 0, bytes: 0 })
    return lost
  }

  /** Writes down that a record is done with. */
  async mark(offset: number): Promise<void> {
    if (this.#removed) return
    await (await this.#open()).overwrite(DONE_MARK, offset + STATE_OFFSET)
  }

  /** Lets the file descriptor go for now. */
  async close(): Promise<void> {
    const file = this.#file
    this.#file = undefined
    this.#chunk = Buffer.alloc(0)
    await (await file)?.close(false)
  }

  /** Takes the file away: all in it is done with. @returns where a damaged one was set aside */
  async remove(): Promise<string | undefined> {
    this.#removed = true
    await this.close()
    if (!this.damaged) {
      await rm(this.path, { force: true })
      return undefined
    }
    const aside = `${this.path}.corrupt`
    await rename(this.path, aside)
    return aside
  }

  get #format(): HeaderFormat {
    return {
      magic: RECORD_MAGIC,
      headerBytes: HEADER_BYTES,
      bodyBytes: (window, at) => readRecordHeader(window, at, this.#seed)?.length,
    }
  }

  #count(flows: number, bytes: number): void {
    this.live++
    this.unread.requests++
    this.unread.items += flows
    this.unread.bytes += bytes
  }

  #open(): Promise<AppendFile> {
    // Opening would make it again.
    if (this.#removed) return Promise.reject(new Error(`${this.path} was removed`))
    if (this.#file === undefined) {
      const file = AppendFile.open(this.path)
      this.#file = file
      file.catch(() => {
        if (this.#file === file) this.#file = undefined
      })
    }
    return this.#file
  }

  async #read(into: Buffer, at: number): Promise<number> {
    return (await this.#open()).read(into, at)
  }

  /** Bytes from `at` on, at least a header of them unless the file ends before. */
  async #window(at: number): Promise<Buffer> {
    const from = at - this.#chunkAt
    if (from >= 0 && from + HEADER_BYTES <= this.#chunk.length) return this.#chunk.subarray(from)
    const chunk = Buffer.allocUnsafeSlow(Math.min(READ_BYTES, this.bytes - at))
    const bytes = await this.#read(chunk, at)
    this.#chunk = chunk.subarray(0, bytes)
    this.#chunkAt = at
    return this.#chunk
  }
}

/** Offset behind a record. */
export function endOf({ offset, length }: { offset: number; length: number }): number {
  return offset + HEADER_BYTES + length
}
