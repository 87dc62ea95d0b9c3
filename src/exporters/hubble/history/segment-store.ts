import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { HEADER_BYTES } from './block-header.ts'
import { type PackedBlock, Segment, type StoredBlock } from './segment.ts'

/** Segments are named by the sequence number of their first event. */
const SEGMENT_NAME = /^(\d{16})\.flows$/

/** Old flows go segment by segment: about this many share the space and the time. */
const SEGMENTS = 16
const LEAST_SEGMENT_BYTES = 64 * 1024
const MOST_SEGMENT_BYTES = 64 * 1024 * 1024

export interface StoreLimits {
  directory: string
  /** Most bytes of all segments. */
  maxBytes: number
  /** Milliseconds after which what was written goes. */
  maxAgeMs: number
}

/** The segments of a directory, oldest first, and where in them each event is. */
export class SegmentStore {
  readonly #limits: StoreLimits
  readonly #clock: () => number
  #segments: Segment[] = []
  /** By sequence number; gaps are events that were lost. */
  #blocks: StoredBlock[] = []
  /** A new segment must not have the name of one that cannot be read. */
  #least = 0
  /** Bytes of files besides the segments that count for the limit. */
  reserved = 0
  /** The newest segment, while it is open. */
  #open: Segment | undefined

  constructor(limits: StoreLimits, clock: () => number) {
    this.#limits = limits
    this.#clock = clock
  }

  /** Blocks that can be read, oldest first. */
  get blocks(): readonly StoredBlock[] {
    return this.#blocks
  }

  /** Bytes of all segments. */
  get bytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.bytes, 0)
  }

  /** Events that can be read. */
  get events(): number {
    return this.#blocks.reduce((sum, block) => sum + block.events, 0)
  }

  /** Sequence number for the event after the newest one. */
  get next(): number {
    return Math.max(this.#least, this.#end)
  }

  /**
   * Finds what is there.
   * @param damaged told of every stretch, and every whole segment, that cannot be read; those stay until it is their turn to go
   */
  async open(damaged: () => void): Promise<void> {
    const names = (await readdir(this.#limits.directory)).filter((name) => SEGMENT_NAME.test(name)).sort()
    let newest: Segment | undefined
    for (const name of names) {
      this.#least = Number(SEGMENT_NAME.exec(name)![1]) + 1
      const segment = new Segment(join(this.#limits.directory, name), this.#clock())
      const blocks = await segment.scan(damaged)
      this.#segments.push(segment)
      newest = blocks === undefined ? undefined : segment
      if (blocks === undefined) damaged()
      for (const block of blocks ?? []) {
        if (block.from >= this.#end) this.#blocks.push(block)
        else damaged()
      }
    }
    // Going on with the last one: an agent that starts again and again makes no segment each time.
    if (newest !== undefined && newest.bytes < this.#segmentBytes) await newest.open()
    if (newest !== undefined && newest.bytes < this.#segmentBytes) this.#open = newest
    await this.#drop(0)
  }

  /**
   * Appends a block after making room for it; where the disk is full, too, the oldest segments go.
   * @throws Error of the file system
   */
  async append(block: PackedBlock): Promise<void> {
    const bytes = HEADER_BYTES + block.stored.length
    if (bytes + LEAST_SEGMENT_BYTES / 2 > this.#limits.maxBytes)
      throw new Error(`a block of ${bytes} bytes is too large`)
    await this.#drop(bytes)
    for (;;) {
      try {
        const segment = await this.#writable(block.header.from)
        this.#blocks.push(await segment.append(block, this.#clock()))
        return
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException
        if ((code !== 'ENOSPC' && code !== 'EDQUOT') || !(await this.#dropOldest())) throw error
      }
    }
  }

  /** Index in `blocks` of the first one that ends behind `sequence`. */
  search(sequence: number): number {
    let low = 0
    let high = this.#blocks.length
    while (low < high) {
      const middle = (low + high) >> 1
      const block = this.#blocks[middle]!
      if (block.from + block.events > sequence) high = middle
      else low = middle + 1
    }
    return low
  }

  /** A block that cannot be read is there no more. */
  forget(block: StoredBlock): void {
    const index = this.#blocks.indexOf(block)
    if (index >= 0) this.#blocks.splice(index, 1)
  }

  /** Drops what is too old. */
  async expire(): Promise<void> {
    await this.#drop(0)
  }

  /** Closes the open segment; the disk has all afterwards. */
  async close(): Promise<void> {
    const open = this.#open
    this.#open = undefined
    await open?.close(true)
  }

  get #end(): number {
    const newest = this.#blocks.at(-1)
    return newest === undefined ? 0 : newest.from + newest.events
  }

  get #segmentBytes(): number {
    return Math.min(Math.max(this.#limits.maxBytes / SEGMENTS, LEAST_SEGMENT_BYTES), MOST_SEGMENT_BYTES)
  }

  /** The open segment; a new one where it is full or old. */
  async #writable(from: number): Promise<Segment> {
    const now = this.#clock()
    const open = this.#open
    if (open !== undefined) {
      // After a step of the clock back it would stay open for long.
      const age = Math.abs(now - open.startedMs)
      if (open.bytes < this.#segmentBytes && age < this.#limits.maxAgeMs / SEGMENTS) return open
      await this.close()
    }
    const segment = new Segment(join(this.#limits.directory, `${String(from).padStart(16, '0')}.flows`), now)
    await segment.open()
    this.#segments.push(segment)
    this.#open = segment
    return segment
  }

  /** Makes room for `bytes` more, and drops what is too old. */
  async #drop(bytes: number): Promise<void> {
    const oldestMs = this.#clock() - this.#limits.maxAgeMs
    const room = this.#limits.maxBytes - this.reserved - bytes
    while (this.#segments.length > 0) {
      if (this.bytes <= room && this.#segments[0]!.writtenMs >= oldestMs) return
      if (!(await this.#dropOldest())) return
    }
  }

  /** @returns whether there was one */
  async #dropOldest(): Promise<boolean> {
    const [oldest] = this.#segments
    if (oldest === undefined) return false
    if (oldest === this.#open) this.#open = undefined
    await oldest.remove()
    this.#segments.shift()
    const kept = this.#blocks.findIndex((block) => block.segment !== oldest)
    this.#blocks.splice(0, kept < 0 ? this.#blocks.length : kept)
    return true
  }
}
