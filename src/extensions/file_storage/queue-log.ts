import { randomBytes } from 'node:crypto'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { syncDirectory } from '../../pipeline/disk/sync-directory.ts'
import type { QueueAmount, QueueItem } from '../../pipeline/sending-queue/queue.ts'
import { type Appended, endOf, LogSegment } from './log-segment.ts'
import { FILE_START, HEADER_BYTES } from './record.ts'

/** A file is not appended to beyond this size, or a sixteenth of all that is allowed. */
const MOST_SEGMENT_BYTES = 16 * 1024 * 1024
const LEAST_SEGMENT_BYTES = 64 * 1024

/** Damaged files of a queue that are kept; older ones go. */
const MOST_CORRUPT_FILES = 4

/** What a bad disk, or something else of that name, answers. */
const UNREADABLE: ReadonlySet<string> = new Set(['EIO', 'EISDIR', 'ENOENT'])

const FILE_NAME = /^(\d{12})-([0-9a-f]{8})\.queue$/
const CORRUPT = '.corrupt'

/** A record of the log. */
export interface Position {
  readonly segment: LogSegment
  readonly offset: number
  /** Bytes of the request. */
  readonly length: number
}

/** A record as the reader gets it. */
export interface Read {
  item: QueueItem
  position: Position
}

/** Records on the disk. */
export interface Written {
  positions: readonly Position[]
  /** From now on the reader comes to them. */
  publish(): void
}

/** Told what happens on the disk. */
export interface LogObserver {
  /** A file in which something is no record, at the end of its life or when it was found. */
  corrupt(path: string): void
  /** A file of another version, left as it is. */
  otherVersion(path: string, version: number): void
  /** What was accepted and cannot be read any more. */
  lost(amount: QueueAmount): void
  /** Taking a file away or marking a record failed: at worst it is sent once more. */
  failed(error: Error): void
}

export interface LogSettings {
  directory: string
  maxBytes: number
  fsync: boolean
  observer: LogObserver
}

/**
 * Records in the order in which they came, in files that are only appended to. One that is done with is marked in place,
 * which needs no space; a file in which all are is removed. `append` and `mark` are for one writer, `next` for one reader.
 */
export class QueueLog {
  readonly #settings: LogSettings
  readonly #segmentBytes: number
  readonly #segments = new Set<LogSegment>()
  /** From the one that the reader is in. */
  readonly #unread: LogSegment[] = []
  /** Of the reader, in the first of them. */
  #offset = FILE_START.length
  #tail: LogSegment | undefined
  #number = 0

  constructor(settings: LogSettings) {
    this.#settings = settings
    this.#segmentBytes = Math.max(LEAST_SEGMENT_BYTES, Math.min(MOST_SEGMENT_BYTES, settings.maxBytes / 16))
  }

  /** Bytes of the files. */
  get bytes(): number {
    let bytes = 0
    for (const segment of this.#segments) bytes += segment.bytes
    return bytes
  }

  /** Whether the reader has come to everything. */
  get atEnd(): boolean {
    return this.#unread.every((segment, index) => segment.removed || (index === 0 && this.#offset >= segment.bytes))
  }

  /** Whether a request of so many bytes may be appended beside `more` bytes that wait for it. */
  fits(length: number, more: number): boolean {
    return this.bytes + more + FILE_START.length + HEADER_BYTES + length <= this.#settings.maxBytes
  }

  /** Finds what is not done with. @returns how much that is. @throws Error of the file system */
  async open(): Promise<QueueAmount> {
    const total = { requests: 0, items: 0, bytes: 0 }
    for (const name of (await readdir(this.#settings.directory)).sort()) {
      const [, number, seed = ''] = FILE_NAME.exec(name) ?? []
      if (number === undefined) continue
      this.#number = Number(number)
      const { unread } = await this.#take(new LogSegment(this.#pathOf(name), Number.parseInt(seed, 16)))
      total.requests += unread.requests
      total.items += unread.items
      total.bytes += unread.bytes
    }
    return total
  }

  /**
   * Appends records, all or none. The reader does not come to them before `publish`.
   * @throws Error of the file system, with its code
   */
  async append(items: readonly QueueItem[]): Promise<Written> {
    await this.#rotate()
    const segment = this.#tail ?? this.#fresh()
    this.#tail = segment
    const appended = await segment.append(items, this.#settings.fsync)
    if (segment.bytes === 0) await this.#syncDirectory()
    const positions = items.map(({ bytes }, i) => ({ segment, offset: appended.offsets[i]!, length: bytes.length }))
    return { positions, publish: () => this.#publish(segment, appended) }
  }

  /** The next record that is not done with. @throws Error of the file system that may pass */
  async next(): Promise<Read | undefined> {
    for (let segment = this.#unread[0]; segment !== undefined; segment = this.#unread[0]) {
      const found = segment.removed ? undefined : await this.#nextOf(segment)
      if (found !== undefined) return found
      if (segment === this.#tail) return undefined
      // What was the tail until now may have got more.
      if (segment.removed || this.#offset >= segment.bytes) await this.#leave(segment)
    }
    return undefined
  }

  /** The reader got this record, the next one, from elsewhere. */
  pass(position: Position, flows: number): void {
    while (this.#unread[0] !== undefined && this.#unread[0] !== position.segment) this.#unread.shift()
    this.#offset = endOf(position)
    position.segment.read(flows, position.length)
  }

  /** A record is done with: `mark` is to follow. */
  settle({ segment }: Position): void {
    segment.live--
  }

  /** Writes down that a record is done with, or removes its file where it was the last one. */
  async mark({ segment, offset }: Position): Promise<void> {
    try {
      if (segment.live === 0 && segment !== this.#tail) await this.#remove(segment)
      else await segment.mark(offset)
    } catch (error) {
      this.#settings.observer.failed(error as Error)
    }
  }

  /** Lets the files go. */
  async close(): Promise<void> {
    const tail = this.#tail
    this.#tail = undefined
    if (tail?.live === 0) await this.#remove(tail)
    for (const segment of this.#segments)
      await segment.close().catch((error: Error) => this.#settings.observer.failed(error))
  }

  /** Takes in a file of a process before. */
  async #take(segment: LogSegment): Promise<LogSegment> {
    const version = await segment.scan().catch(async (error: NodeJS.ErrnoException) => {
      if (!UNREADABLE.has(error.code ?? '')) {
        await segment.close()
        throw new Error(`${segment.path}: ${error.message}`, { cause: error })
      }
      this.#gaveUp(segment)
    })
    if (version !== undefined) {
      this.#settings.observer.otherVersion(segment.path, version)
      await segment.close()
      return segment
    }
    this.#segments.add(segment)
    if (segment.damaged) this.#settings.observer.corrupt(segment.path)
    if (segment.live === 0) await this.#remove(segment)
    else {
      await segment.close()
      this.#unread.push(segment)
    }
    return segment
  }

  /** A full file is appended to no more. */
  async #rotate(): Promise<void> {
    const tail = this.#tail
    if (tail === undefined || tail.bytes < this.#segmentBytes) return
    this.#tail = undefined
    if (tail.live === 0) await this.#remove(tail)
    // The descriptor comes again when the reader does.
    else if (tail !== this.#unread[0]) await tail.close()
  }

  #fresh(): LogSegment {
    const seed = randomBytes(4)
    const name = `${String(++this.#number).padStart(12, '0')}-${seed.toString('hex')}.queue`
    return new LogSegment(this.#pathOf(name), seed.readUInt32BE())
  }

  #publish(segment: LogSegment, appended: Appended): void {
    if (segment.bytes === 0) {
      this.#segments.add(segment)
      this.#unread.push(segment)
    }
    segment.publish(appended)
  }

  /** The name of a new file has to reach the disk, too. */
  async #syncDirectory(): Promise<void> {
    if (!this.#settings.fsync) return
    try {
      await syncDirectory(this.#settings.directory)
    } catch (error) {
      this.#settings.observer.failed(error as Error)
    }
  }

  async #nextOf(segment: LogSegment): Promise<Read | undefined> {
    const wasDamaged = segment.damaged
    try {
      return await this.#search(segment)
    } catch (error) {
      if (segment.removed) return undefined
      if (!UNREADABLE.has((error as NodeJS.ErrnoException).code ?? '')) throw error
      this.#gaveUp(segment)
      this.#offset = segment.bytes
      return undefined
    } finally {
      if (segment.damaged && !wasDamaged) this.#settings.observer.corrupt(segment.path)
    }
  }

  async #search(segment: LogSegment): Promise<Read | undefined> {
    const limit = segment.bytes
    while (this.#offset < limit) {
      const record = await segment.next(this.#offset, limit)
      const item = record === undefined || record.done ? undefined : await segment.request(record)
      this.#offset = record === undefined ? limit : endOf(record)
      if (record === undefined || record.done) continue
      segment.read(record.flows, record.length)
      const position = { segment, offset: record.offset, length: record.length }
      if (item !== undefined) return { item, position }
      this.settle(position)
      this.#settings.observer.lost({ requests: 1, items: record.flows, bytes: record.length })
    }
    return undefined
  }

  /** The reader is through with a file; what it did not find there is lost. */
  async #leave(segment: LogSegment): Promise<void> {
    this.#unread.shift()
    this.#offset = FILE_START.length
    if (segment.unread.requests > 0) this.#gaveUp(segment)
    if (segment.live === 0) await this.#remove(segment)
    else await segment.close()
  }

  #gaveUp(segment: LogSegment): void {
    const lost = segment.giveUp()
    if (lost.requests > 0) this.#settings.observer.lost(lost)
  }

  async #remove(segment: LogSegment): Promise<void> {
    if (segment.removed) return
    this.#segments.delete(segment)
    try {
      if ((await segment.remove()) !== undefined) await this.#dropOldCorrupt()
    } catch (error) {
      this.#settings.observer.failed(error as Error)
    }
  }

  async #dropOldCorrupt(): Promise<void> {
    const names = (await readdir(this.#settings.directory)).filter((name) => name.endsWith(CORRUPT)).sort()
    for (const name of names.slice(0, -MOST_CORRUPT_FILES)) await rm(this.#pathOf(name), { force: true })
  }

  #pathOf(name: string): string {
    return join(this.#settings.directory, name)
  }
}
