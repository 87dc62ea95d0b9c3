import type { FlowBatch } from '../../flow/batch.ts'
import type { History } from './history/history.ts'
import type { StoredBlock } from './history/segment.ts'
import { FlowEntry, findEntry, LostEntry, type RingEntry } from './ring-entry.ts'

export interface RingLimits {
  /** Most events that can be read. */
  maxFlows: number
  /** Most bytes kept; the newest batch is kept whatever its size. */
  maxBytes: number
}

/** Where an event is: in memory, on disk, or gone with all others of `from` ≤ number < `to`. */
export type Place = RingEntry | StoredBlock | { at: 'gone'; from: number; to: number }

/**
 * The flows of the last while: batches as they came, in order of arrival. Every event (a flow, or a report of lost ones) has
 * a sequence number; readers hold one and are never waited for.
 */
export class FlowRing {
  readonly limits: RingLimits
  /** Oldest first; those before `#head` are gone. */
  #entries: RingEntry[] = []
  #head = 0
  #bytes = 0
  #next = 0
  #serial = 0
  readonly #listeners = new Set<() => void>()
  readonly #clock: () => number
  /** Has what was in the ring before, too. */
  #history: History | undefined

  constructor(limits: RingLimits, clock: () => number = Date.now) {
    this.limits = limits
    this.#clock = clock
  }

  /** Goes on where a history ends, which takes in every event from now on. To be called before the first `push`. */
  continue(history: History): void {
    this.#history = history
    ;({ sequence: this.#next, serial: this.#serial } = history.next)
  }

  /** Sequence number of the oldest event that can be read, be it on disk. */
  get oldest(): number {
    return Math.min(this.#history?.first ?? Number.POSITIVE_INFINITY, this.first)
  }

  /** Events that can be read. */
  get events(): number {
    return this.#next - this.first + (this.#history?.eventsBefore(this.first) ?? 0)
  }

  /** Events that can be kept; on disk as many as fit if they are like those so far. */
  get capacity(): number {
    return this.limits.maxFlows + (this.#history?.capacity ?? 0)
  }

  /** Sequence number of the oldest event in memory. */
  get first(): number {
    const oldest = this.#entries[this.#head]
    return Math.max(oldest === undefined ? this.#next : oldest.from, this.#next - this.limits.maxFlows)
  }

  /** Sequence number of the event that comes next. */
  get next(): number {
    return this.#next
  }

  /** Bytes held. */
  get bytes(): number {
    return this.#bytes
  }

  /** Keeps a batch, and what it says was lost before it; forgets the oldest. The batch must not change any more. */
  push(batch: FlowBatch): void {
    for (const lost of batch.lost) this.#append(new LostEntry(lost, this.#next, this.#clock()))
    if (batch.length > 0) this.#append(new FlowEntry(batch, this.#next, this.#serial++))
    this.#forget()
    for (const listener of this.#listeners) listener()
  }

  /** Where an event before `next` is. */
  place(sequence: number): Place {
    const { first } = this
    if (sequence >= first) return this.entry(sequence)
    const stored = this.#history?.find(sequence)
    if (stored !== undefined) return stored
    const { from, to } = this.#history?.gap(sequence) ?? { from: 0, to: first }
    return { at: 'gone', from, to: Math.min(to, first) }
  }

  /** Begins to read the block that an event is in, for who comes to it next. */
  prefetch(sequence: number): void {
    const stored = this.#history?.find(sequence)
    if (stored?.at === 'disk') void this.#history?.load(stored)
  }

  /** Reads a block from disk; its entries, or undefined when that cannot be done. */
  async load(block: StoredBlock): Promise<readonly RingEntry[] | undefined> {
    return (await this.#history?.load(block))?.entries
  }

  /** The entry of an event in memory. @throws RangeError for another one */
  entry(sequence: number): RingEntry {
    const entry = findEntry(this.#entries, sequence, this.#head)
    if (entry === undefined) throw new RangeError(`no event ${sequence} in the ring`)
    return entry
  }

  /** Calls `listener` after every batch. Returns a function that ends that. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Forgets everything. */
  clear(): void {
    this.#entries = []
    this.#head = 0
    this.#bytes = 0
  }

  #append(entry: RingEntry): void {
    this.#entries.push(entry)
    this.#bytes += entry.bytes
    this.#next += entry.length
    this.#history?.add(entry)
  }

  #forget(): void {
    const keepFrom = this.#next - this.limits.maxFlows
    for (; this.#head < this.#entries.length - 1; this.#head++) {
      const entry = this.#entries[this.#head]!
      if (entry.from + entry.length > keepFrom && this.#bytes <= this.limits.maxBytes) break
      this.#bytes -= entry.bytes
      if (entry.at === 'flows') entry.release()
      // Only the reference goes now: moving the array for each batch would cost more than what it frees.
      delete this.#entries[this.#head]
    }
    if (this.#head < 64 || this.#head * 2 < this.#entries.length) return
    this.#entries = this.#entries.slice(this.#head)
    this.#head = 0
  }
}
