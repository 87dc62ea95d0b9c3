import type { FlowBatch } from '../../flow/batch.ts'
import { FlowEntry, LostEntry, type RingEntry } from './ring-entry.ts'

export interface RingLimits {
  /** Most events that can be read. */
  maxFlows: number
  /** Most bytes kept; the newest batch is kept whatever its size. */
  maxBytes: number
}

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

  constructor(limits: RingLimits, clock: () => number = Date.now) {
    this.limits = limits
    this.#clock = clock
  }

  /** Sequence number of the oldest event that can be read. */
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

  /** The entry of an event that can be read. @throws RangeError for another one */
  entry(sequence: number): RingEntry {
    let low = this.#head
    let high = this.#entries.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.#entries[middle]!.from <= sequence) low = middle
      else high = middle - 1
    }
    const entry = this.#entries[low]
    if (entry === undefined || sequence < entry.from || sequence >= entry.from + entry.length) {
      throw new RangeError(`no event ${sequence} in the ring`)
    }
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
