import { setImmediate } from 'node:timers/promises'
import type { FlowBatch, LostEvents } from '../../flow/batch.ts'
import type { FlowMask } from '../../flow/hubble-mask.ts'
import { compareTime, type FlowQuery, keepRange } from './flow-query.ts'
import type { FlowRing } from './flow-ring.ts'
import type { FlowEntry } from './ring-entry.ts'

/** Rows looked at in one step. */
const CHUNK = 1_024

/** A reader leaves the thread to others after this time. */
const TURN_MS = 8

/** What a reader came across. */
export type Step =
  /** `rows[row]` is 1 for each row to be sent, `from` ≤ row < `to`; valid until the next step. */
  | { at: 'flows'; batch: FlowBatch; serial: number; from: number; to: number; rows: Uint8Array }
  | { at: 'lost'; lost: LostEvents; timeMs: number }
  /** The ring ran over the reader: this many events are gone. */
  | { at: 'overtaken'; count: number }
  /** Nothing more for now. */
  | { at: 'idle' }
  | { at: 'end' }

/** Reads what a query asks for out of the ring, step by step, at its own pace. */
export class FlowReader {
  readonly #ring: FlowRing
  readonly #query: FlowQuery
  #position = 0
  /** Where an answer that ends does so: at the newest event when it was asked for. */
  readonly #end: number
  #left: number
  #ended = false
  #rows = new Uint8Array(CHUNK)

  constructor(ring: FlowRing, query: FlowQuery) {
    this.#ring = ring
    this.#query = query
    this.#end = query.follow ? Number.POSITIVE_INFINITY : ring.next
    this.#left = query.limit
  }

  /** What is wanted of each flow. */
  get mask(): FlowMask | undefined {
    return this.#query.mask
  }

  /** Goes to where the answer begins. To be called once, before the first step. */
  async rewind(): Promise<void> {
    const { start } = this.#query
    switch (start.at) {
      case 'oldest':
        this.#position = this.#ring.first
        break
      case 'newest':
        this.#position = this.#ring.next
        break
      case 'last':
        this.#position = await this.#rewindMatches(start.matches)
    }
  }

  /** Sequence number of the `count`th match from the end; of the oldest event where there are fewer. */
  async #rewindMatches(count: number): Promise<number> {
    let left = count
    let end = this.#ring.next
    let turn = performance.now()
    while (end > this.#ring.first) {
      const entry = this.#ring.entry(end - 1)
      const from = Math.max(entry.from, this.#ring.first, end - CHUNK)
      if (entry.at === 'flows') {
        const rows = this.#match(entry, from - entry.from, end - entry.from, false)
        for (let sequence = end - 1; sequence >= from; sequence--) {
          if (rows[sequence - entry.from] === 1 && --left === 0) return sequence
        }
      }
      end = from
      if (performance.now() - turn < TURN_MS) continue
      await setImmediate()
      turn = performance.now()
    }
    return this.#ring.first
  }

  /** Goes on. */
  step(): Step {
    if (this.#ended || this.#left <= 0) return { at: 'end' }
    const missed = this.#ring.first - this.#position
    if (missed > 0) {
      this.#position += missed
      return { at: 'overtaken', count: missed }
    }
    if (this.#position >= Math.min(this.#end, this.#ring.next)) return { at: this.#query.follow ? 'idle' : 'end' }
    const entry = this.#ring.entry(this.#position)
    if (entry.at === 'lost') {
      this.#position++
      return { at: 'lost', lost: entry.lost, timeMs: entry.timeMs }
    }
    return this.#flows(entry)
  }

  #flows(entry: FlowEntry): Step {
    const { batch, serial } = entry
    const from = this.#position - entry.from
    const to = this.#endOfFollow(batch, from, Math.min(from + CHUNK, entry.length, this.#end - entry.from))
    const rows = this.#match(entry, from, to, true)
    let stop = from
    while (stop < to && this.#left > 0) if (rows[stop++] === 1) this.#left--
    this.#position = entry.from + stop
    return { at: 'flows', batch, serial, from, to: stop, rows }
  }

  /** Followers have seen everything up to `until` when the first younger flow comes. */
  #endOfFollow(batch: FlowBatch, from: number, to: number): number {
    const { follow, until } = this.#query
    if (!follow || until === undefined) return to
    for (let row = from; row < to; row++) {
      if (compareTime(batch.columns, row, until) <= 0) continue
      this.#ended = true
      return row
    }
    return to
  }

  /** @param ranged whether `since` and `until` count: they do not for where "the last N" begin, as in Hubble */
  #match(entry: FlowEntry, from: number, to: number, ranged: boolean): Uint8Array {
    const { batch, serial } = entry
    if (this.#rows.length < to) this.#rows = new Uint8Array(Math.max(to, 2 * this.#rows.length))
    this.#query.filter(batch, from, to, this.#rows, serial)
    if (ranged) keepRange(this.#query, batch.columns, from, to, this.#rows)
    return this.#rows
  }
}
