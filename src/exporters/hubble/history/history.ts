import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { EndpointTable } from '../../../flow/endpoint.ts'
import { uuidPrefix } from '../../../flow/hubble-uuid.ts'
import { DirectoryLock } from '../../../pipeline/disk/directory-lock.ts'
import { makeDirectory } from '../../../pipeline/disk/make-directory.ts'
import type { RingEntry } from '../ring-entry.ts'
import { BlockCache, type LoadedBlock } from './block-cache.ts'
import { HistoryWriter } from './history-writer.ts'
import type { StoredBlock } from './segment.ts'
import { SegmentStore, type StoreLimits } from './segment-store.ts'
import { EndpointReader, EndpointWriter } from './stored-endpoints.ts'

/** Blocks that were read last and stay in memory. */
const CACHE_BYTES = 16 * 1024 * 1024

/** How often what is new is written, and what is old dropped. */
const INTERVAL_MS = 1_000

/** A guess before anything was written: bytes of a flow on disk. */
const BYTES_PER_FLOW = 40

/** After a crash, more batches than may have been given a serial number without being written. */
const SERIALS_PER_CRASH = 2 ** 20
/** Serial numbers a millisecond may use up: those after a start are ahead of all before it, whatever is left on disk. */
const SERIALS_PER_MS = 8

/** What another agent in the directory is told. */
const IN_USE = 'another agent, or another hubble exporter of this one, keeps its history there'

/** Told what happens to stored flows. */
export interface HistoryObserver {
  /** Events that could not be written. */
  lost(events: number, why: 'queue_full' | 'write_failed'): void
  /** Stretches or blocks that cannot be read. */
  damaged(): void
  /** Writing failed, or works again. */
  writing(failure: Error | undefined): void
}

export interface HistorySettings extends StoreLimits {
  endpoints: EndpointTable
  observer: HistoryObserver
  clock?: () => number
}

/**
 * The newest flows beyond memory, on disk: what the ring takes in is written within a second, and read again block by
 * block. Events have the sequence numbers of the ring.
 */
export class History {
  /** What all UUIDs begin with of flows that are stored here, also by the processes before this one. */
  readonly uuidPrefix: string
  readonly #settings: HistorySettings
  readonly #store: SegmentStore
  readonly #writer: HistoryWriter
  readonly #cache: BlockCache
  readonly #endpoints: EndpointReader
  #lock: DirectoryLock | undefined
  #timer: NodeJS.Timeout | undefined

  /** Reads nothing but the directory's UUID prefix; `open` does the rest. */
  constructor(settings: HistorySettings) {
    const { endpoints, observer, directory, clock = Date.now } = settings
    this.#settings = settings
    this.uuidPrefix = readPrefix(directory) ?? uuidPrefix(randomUUID())
    this.#store = new SegmentStore(settings, clock)
    this.#endpoints = new EndpointReader(endpoints)
    this.#cache = new BlockCache(this.#endpoints, CACHE_BYTES)
    this.#writer = new HistoryWriter({
      store: this.#store,
      journalPath: join(directory, 'journal'),
      endpoints: new EndpointWriter(endpoints),
      recovered: this.#endpoints,
      observer,
      clock,
    })
  }

  /**
   * Finds what earlier processes left and begins to write.
   * @throws Error that names the setting when the directory cannot be used, or another agent uses it
   */
  async open(): Promise<void> {
    const { directory, observer } = this.#settings
    try {
      await makeDirectory(directory, 0o700)
      this.#lock = await DirectoryLock.take(directory, IN_USE)
      if (readPrefix(directory) === undefined) {
        // Without it, after a restart the flows of before have other UUIDs.
        await writeFile(join(directory, 'uuid'), this.uuidPrefix, { mode: 0o600 }).catch(observer.writing)
      }
      await this.#store.open(() => observer.damaged())
      await this.#writer.open()
    } catch (cause) {
      await this.close()
      throw new Error(`history::directory: ${directory}: ${(cause as Error).message}`, { cause })
    }
    this.#timer = setInterval(() => this.#tick(), INTERVAL_MS).unref()
  }

  /** Sequence number for the next event, and serial number for the next batch. */
  get next(): { sequence: number; serial: number } {
    const { clock = Date.now } = this.#settings
    const stored = Math.max(this.#writer.serial, ...this.#store.blocks.slice(-1).map(({ serial }) => serial))
    return {
      sequence: Math.max(this.#store.next, this.#writer.next),
      serial: Math.max(stored + SERIALS_PER_CRASH, Math.floor(clock() * SERIALS_PER_MS)),
    }
  }

  /** Sequence number of the oldest event; undefined = there is none. */
  get first(): number | undefined {
    return this.#store.blocks[0]?.from ?? this.#writer.pending[0]?.from
  }

  /** Bytes on disk. */
  get bytes(): number {
    return this.#store.bytes + this.#store.reserved
  }

  /** Memory of what waits to be written and of blocks that were read. */
  get memoryBytes(): number {
    return this.#cache.bytes + this.#writer.pendingBytes
  }

  /** Events on disk. */
  get events(): number {
    return this.#store.events
  }

  /** Events that fit on disk as they have been so far. */
  get capacity(): number {
    const { events, bytes } = this.#store
    return Math.round(this.#settings.maxBytes / (events === 0 ? BYTES_PER_FLOW : bytes / events))
  }

  /** Events before `sequence` that can be read. */
  eventsBefore(sequence: number): number {
    let events = 0
    for (const parts of [this.#store.blocks, this.#writer.pending])
      for (const part of parts) {
        if (part.from >= sequence) break
        events += Math.min('events' in part ? part.events : part.length, sequence - part.from)
      }
    return events
  }

  /** Takes an entry of the ring, to be written within a second. */
  add(entry: RingEntry): void {
    this.#writer.add(entry)
  }

  /** Where the event is: still in memory, or in a block; undefined = nowhere. */
  find(sequence: number): RingEntry | StoredBlock | undefined {
    const waiting = this.#writer.find(sequence)
    if (waiting !== undefined) return waiting
    const block = this.#store.blocks[this.#store.search(sequence)]
    return block !== undefined && block.from <= sequence ? block : undefined
  }

  /** Of an event that `find` does not find: behind the last one before it, and the first one after it; 0 and ∞ = none. */
  gap(sequence: number): { from: number; to: number } {
    const { blocks } = this.#store
    const after = this.#store.search(sequence)
    const [before, behind] = [blocks[after - 1], blocks[after]?.from]
    const gap = { from: before === undefined ? 0 : before.from + before.events, to: behind ?? Number.POSITIVE_INFINITY }
    for (const { from, length } of this.#writer.pending) {
      if (from > sequence) return { from: gap.from, to: Math.min(gap.to, from) }
      gap.from = Math.max(gap.from, from + length)
    }
    return gap
  }

  /** Reads a block, for as long as the caller holds what it returns; undefined when that cannot be done. */
  async load(block: StoredBlock): Promise<LoadedBlock | undefined> {
    try {
      return await this.#cache.load(block)
    } catch (error) {
      // Lack of file descriptors passes, and a segment may go while it is read; the rest is damage.
      if (!('syscall' in (error as object))) {
        this.#store.forget(block)
        this.#settings.observer.damaged()
      }
      return undefined
    }
  }

  /** Writes what waits, and lets the directory go. */
  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.#writer.close()
    this.#cache.clear()
    await this.#lock?.release()
    this.#lock = undefined
  }

  #tick(): void {
    this.#writer.flush()
    this.#endpoints.reclaim()
  }
}

/** The prefix that a directory's flows have; undefined when there is none yet. */
function readPrefix(directory: string): string | undefined {
  try {
    const text = readFileSync(join(directory, 'uuid'), 'utf8')
    return /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-$/.test(text) ? text : undefined
  } catch {
    // A new directory, or one that `open` will complain about.
    return undefined
  }
}
