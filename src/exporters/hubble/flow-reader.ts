import { setImmediate } from 'node:timers/promises'
import type { FlowBatch, LostEvents } from '../../flow/batch.ts'
import type { FlowMask } from '../../flow/hubble-mask.ts'
import type { Timestamp } from '../../hubble/timestamp.ts'
import { compareTime, type FlowQuery, keepRange } from './flow-query.ts'
import type { FlowRing, Place } from './flow-ring.ts'
import type { StoredBlock } from './history/segment.ts'
import { type FlowEntry, findEntry, type RingEntry } from './ring-entry.ts'

/** A reader leaves the thread to others after this time. */
const TURN_MS = 8

/** What a reader came across. */
export type Step =
  /** `rows[row]` is 1 for each row to be sent, `from` ≤ row < `to`; valid until the next step. */
  | { at: 'flows'; batch: FlowBatch; serial: number; from: number; to: number; rows: Uint8Array }
  | { at: 'lost'; lost: LostEvents; timeMs: number }
  /** The ring, or the history on disk, ran over the reader: this many events are gone. */
  | { at: 'overtaken'; count: number }
  /** The next events come from disk: step again when they are there. */
  | { at: 'loading'; ready: Promise<void> }
  /** Nothing more for now. */
  | { at: 'idle' }
  | { at: 'end' }

/** Reads what a query asks for out of the ring and its history, step by step, at its own pace. */
export class FlowReader {
  readonly #ring: FlowRing
  readonly #query: FlowQuery
  #position = 0
  /** Where an answer that ends does so: at the newest event when it was asked for. */
  readonly #end: number
  #left: number
  #ended = false
  /** The block on disk that was read last; empty = it cannot be read. */
  #loaded: { block: StoredBlock; entries: readonly RingEntry[] } | undefined
  #rows = new Uint8Array(1_024)

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

  /** Goes to where the answer begins. To be called once, before the first step. @param cancelled whether nobody waits for it any more */
  async rewind(cancelled = () => false): Promise<void> {
    const { start } = this.#query
    switch (start.at) {
      case 'oldest':
        this.#position = this.#ring.oldest
        break
      case 'newest':
        this.#position = this.#ring.next
        break
      case 'last':
        this.#position = await this.#rewindMatches(start.matches, cancelled)
    }
  }

  /** Sequence number of the `count`th match from the end; of the oldest event where there are fewer. */
  async #rewindMatches(count: number, cancelled: () => boolean): Promise<number> {
    let left = count
    let end = this.#ring.next
    let turn = performance.now()
    while (end > this.#ring.oldest && !cancelled()) {
      const entry = await this.#before(end)
      const from = Math.max(entry.from, this.#ring.oldest, end - this.#query.rowsPerStep)
      if (entry.at === 'flows') {
        const rows = this.#match(entry, from - entry.from, end - entry.from, false)
        for (let sequence = end - 1; sequence >= from; sequence--) {
          if (rows[sequence - entry.from] === 1 && --left === 0) return sequence
        }
      }
      end = entry.at === 'gone' ? entry.from : from
      if (performance.now() - turn < TURN_MS) continue
      await setImmediate()
      turn = performance.now()
    }
    return this.#ring.oldest
  }

  /** The entry with the event before `end`, or what is missing in its place. */
  async #before(end: number): Promise<RingEntry | { at: 'gone'; from: number }> {
    const place = this.#ring.place(end - 1)
    if (place.at !== 'disk') return place
    if (this.#loaded?.block !== place) {
      await this.#load(place)
      this.#ring.prefetch(place.from - 1)
    }
    return findEntry(this.#loaded?.entries ?? [], end - 1) ?? { at: 'gone', from: place.from }
  }

  /** Goes on. */
  step(): Step {
    if (this.#ended || this.#left <= 0) return { at: 'end' }
    for (;;) {
      if (this.#position >= Math.min(this.#end, this.#ring.next)) return { at: this.#query.follow ? 'idle' : 'end' }
      const place = this.#place()
      if (place.at === 'gone') return this.#overtaken(place.to)
      if (place.at === 'flows') return this.#flows(place)
      if (place.at === 'lost') {
        this.#position++
        if (this.#outOfRange({ oldestMs: place.timeMs, youngestMs: place.timeMs })) continue
        return { at: 'lost', lost: place.lost, timeMs: place.timeMs }
      }
      const end = place.from + place.events
      if (this.#loaded?.block === place) return this.#overtaken(end)
      if (!this.#outOfRange(place)) return { at: 'loading', ready: this.#load(place) }
      this.#position = end
    }
  }

  /** Of the next event. A block that was read stays readable, whatever became of its segment. */
  #place(): Place {
    const entry = this.#loaded && findEntry(this.#loaded.entries, this.#position)
    if (entry !== undefined) return entry
    const place = this.#ring.place(this.#position)
    if (place.at !== 'disk') this.#loaded = undefined
    return place
  }

  async #load(block: StoredBlock): Promise<void> {
    this.#loaded = undefined
    this.#loaded = { block, entries: (await this.#ring.load(block)) ?? [] }
  }

  #outOfRange({ oldestMs, youngestMs }: Pick<StoredBlock, 'oldestMs' | 'youngestMs'>): boolean {
    const { since, until, follow } = this.#query
    // A follower must see the first younger flow: it ends there.
    return (
      (since !== undefined && youngestMs < inMs(since)) || (until !== undefined && !follow && oldestMs > inMs(until))
    )
  }

  #overtaken(to: number): Step {
    const count = Math.min(to, this.#end) - this.#position
    this.#position += count
    return { at: 'overtaken', count }
  }

  #flows(entry: FlowEntry): Step {
    const { batch, serial } = entry
    const from = this.#position - entry.from
    const to = this.#endOfFollow(
      batch,
      from,
      Math.min(from + this.#query.rowsPerStep, entry.length, this.#end - entry.from),
    )
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

function inMs({ seconds = 0, nanos = 0 }: Timestamp): number {
  return seconds * 1_000 + nanos / 1e6
}
