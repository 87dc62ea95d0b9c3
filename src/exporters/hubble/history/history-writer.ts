import { findEntry, type RingEntry } from '../ring-entry.ts'
import { decodeBlock, encodeBlock } from './block.ts'
import type { HistoryObserver } from './history.ts'
import { type PackedBlock, packBlock, Segment, type StoredBlock } from './segment.ts'
import type { SegmentStore } from './segment-store.ts'
import type { EndpointReader, EndpointWriter } from './stored-endpoints.ts'

/** Memory of entries that make a block: small ones compress badly, of large ones each reader holds one. */
const BLOCK_BYTES = 512 * 1024

/** A block is written after this time even if it is small. */
const BLOCK_MS = 10 * 60 * 1_000

/** Most memory of entries that wait, for a disk that is slower than the flows. */
const MOST_PENDING_BYTES = 32 * 1024 * 1024

export interface WriterSettings {
  store: SegmentStore
  journalPath: string
  endpoints: EndpointWriter
  /** Names endpoints of the journal. */
  recovered: EndpointReader
  observer: HistoryObserver
  clock: () => number
}

/**
 * Writes entries in blocks, one after the other. Until they are enough for a block they stand in the journal, a file of
 * small blocks of a second each that a start takes up again.
 */
export class HistoryWriter {
  readonly #settings: WriterSettings
  readonly #journal: Segment
  /** Sequence and serial number behind what was recovered. */
  next = 0
  serial = 0
  /** In order; those in front are being written. */
  #pending: RingEntry[] = []
  #pendingBytes = 0
  /** The first so many of them are in the journal. */
  #journaled = 0
  /** Since when the first one waits. */
  #sinceMs = 0
  #due = false
  #working: Promise<void> | undefined
  #failing = false

  constructor(settings: WriterSettings) {
    this.#settings = settings
    this.#journal = new Segment(settings.journalPath, settings.clock())
  }

  /** What is not in a block yet; it can be read here. */
  get pending(): readonly RingEntry[] {
    return this.#pending
  }

  get pendingBytes(): number {
    return this.#pendingBytes
  }

  /** Takes up what the journal of the process before has beyond its blocks. @throws Error of the file system */
  async open(): Promise<void> {
    const { observer, clock, store } = this.#settings
    this.next = store.next
    const blocks = await this.#journal
      .scan(() => observer.damaged())
      .catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error
        return []
      })
    for (const block of blocks ?? []) await this.#recover(block)
    if (blocks === undefined) {
      observer.damaged()
      await this.#journal.remove()
    }
    // On a full disk the agent begins all the same, and tries again.
    await this.#openJournal().catch((error) => this.#failed(error))
    this.#journaled = this.#pending.length
    this.#sinceMs = clock()
  }

  /** Takes an entry of the ring; counts it as lost when too much waits already. */
  add(entry: RingEntry): void {
    if (this.#pendingBytes > MOST_PENDING_BYTES) {
      this.#settings.observer.lost(entry.length, 'queue_full')
      return
    }
    if (entry.at === 'flows') entry.retain()
    if (this.#pending.length === 0) this.#sinceMs = this.#settings.clock()
    this.#pending.push(entry)
    this.#pendingBytes += entry.bytes
    if (this.#pendingBytes >= BLOCK_BYTES) this.#work()
  }

  /** The entry that waits with this event; undefined = none does. */
  find(sequence: number): RingEntry | undefined {
    return findEntry(this.#pending, sequence)
  }

  /** To be called every second: nothing waits longer without being on disk. */
  flush(): void {
    this.#due = true
    this.#work()
  }

  /** Writes everything, down to the disk. */
  async close(): Promise<void> {
    await this.#working
    while (this.#pending.length > 0) await this.#writeBlock()
    await this.#settings.store.close().catch((error) => this.#failed(error))
    await this.#journal.close(false).catch((error) => this.#failed(error))
  }

  #work(): void {
    this.#working ??= this.#run().finally(() => {
      this.#working = undefined
    })
  }

  async #run(): Promise<void> {
    for (;;) {
      if (this.#pendingBytes >= BLOCK_BYTES) await this.#writeBlock()
      else if (this.#due) await this.#settle()
      else return
    }
  }

  /** What makes no block yet goes to the journal; where that fails, or it waits for long, a block is written all the same. */
  async #settle(): Promise<void> {
    const { store, clock } = this.#settings
    this.#due = false
    const waits = this.#pending.length > 0 && Math.abs(clock() - this.#sinceMs) >= BLOCK_MS
    if (waits || !(await this.#writeJournal())) await this.#writeBlock()
    await store.expire().catch((error) => this.#failed(error))
  }

  async #writeBlock(): Promise<void> {
    const { store, observer } = this.#settings
    const entries = this.#nextBlock(0)
    if (entries.length === 0) return
    try {
      await store.append(await this.#pack(entries))
      this.#wrote()
    } catch (error) {
      observer.lost(eventsOf(entries), 'write_failed')
      this.#failed(error as Error)
    }
    await this.#done(entries)
  }

  /** @returns whether it is on disk */
  async #writeJournal(): Promise<boolean> {
    const { store, clock } = this.#settings
    const entries = this.#nextBlock(this.#journaled)
    if (entries.length === 0) return true
    try {
      await this.#openJournal()
      await this.#journal.append(await this.#pack(entries), clock())
      this.#journaled += entries.length
      store.reserved = this.#journal.bytes
      return true
    } catch {
      // Writing a block makes room, and tells of what is wrong.
      return false
    }
  }

  async #openJournal(): Promise<void> {
    if (!this.#journal.isOpen) await this.#journal.open()
    this.#settings.store.reserved = this.#journal.bytes
  }

  /** The entries stand in a block now, or are lost. */
  async #done(entries: readonly RingEntry[]): Promise<void> {
    const { store, clock } = this.#settings
    this.#pending.splice(0, entries.length)
    for (const entry of entries) {
      this.#pendingBytes -= entry.bytes
      if (entry.at === 'flows') entry.release()
    }
    this.#sinceMs = clock()
    const journaled = this.#journaled > 0
    this.#journaled = Math.max(0, this.#journaled - entries.length)
    if (!journaled || this.#journaled > 0) return
    await this.#journal.clear().catch((error) => this.#failed(error))
    store.reserved = this.#journal.bytes
  }

  #pack(entries: readonly RingEntry[]): Promise<PackedBlock> {
    return packBlock(encodeBlock(entries, this.#settings.endpoints))
  }

  /** Entries with consecutive numbers from the one at `index` on, until they are a block. */
  #nextBlock(index: number): RingEntry[] {
    let end = index
    for (let bytes = 0; end < this.#pending.length && bytes < BLOCK_BYTES; end++) {
      const [before, entry] = [this.#pending[end - 1], this.#pending[end]!]
      if (end > index && before!.from + before!.length !== entry.from) break
      bytes += entry.bytes
    }
    return this.#pending.slice(index, end)
  }

  async #recover(block: StoredBlock): Promise<void> {
    const { recovered, observer } = this.#settings
    try {
      const { entries, texts } = decodeBlock(await block.segment.read(block), block.from, recovered)
      // The batches keep the ids by their epoch.
      recovered.release(texts)
      for (const entry of entries) {
        if (entry.from < this.next) continue
        this.#pending.push(entry)
        this.#pendingBytes += entry.bytes
        this.next = entry.from + entry.length
        if (entry.at === 'flows') this.serial = Math.max(this.serial, entry.serial)
      }
    } catch {
      observer.damaged()
    }
  }

  #failed(error: Error): void {
    this.#failing = true
    this.#settings.observer.writing(error)
  }

  #wrote(): void {
    if (this.#failing) this.#settings.observer.writing(undefined)
    this.#failing = false
  }
}

function eventsOf(entries: readonly RingEntry[]): number {
  return entries.reduce((sum, { length }) => sum + length, 0)
}
