import type { BatchParts, FlowBatch, LostEvents } from '../../flow/batch.ts'
import { KeptBatch } from '../../flow/kept-batch.ts'

/** Bytes of a report's objects. */
const LOST_BYTES = 512

/** Flows of one batch, as the ring keeps them. */
export class FlowEntry {
  readonly at = 'flows'
  /** Sequence number of the first row. */
  readonly from: number
  readonly length: number
  /** Number of the batch, for UUIDs. */
  readonly serial: number
  readonly #kept: KeptBatch

  constructor(batch: FlowBatch | BatchParts, from: number, serial: number) {
    this.#kept = new KeptBatch(batch)
    this.from = from
    this.length = batch.length
    this.serial = serial
  }

  /** Memory this entry holds. */
  get bytes(): number {
    return this.#kept.bytes
  }

  /** The batch. */
  get batch(): FlowBatch {
    return this.#kept.batch
  }

  /** Keeps the batch until one more `release`. */
  retain(): void {
    this.#kept.retain()
  }

  /** The ring, or whoever retained it, forgets it. */
  release(): void {
    this.#kept.release()
  }
}

/** Events that were lost before they became flows, at their place among the flows. */
export class LostEntry {
  readonly at = 'lost'
  readonly from: number
  readonly length = 1
  readonly bytes = LOST_BYTES
  readonly lost: LostEvents
  /** Unix milliseconds at which they were reported. */
  readonly timeMs: number

  constructor(lost: LostEvents, from: number, timeMs: number) {
    this.lost = lost
    this.from = from
    this.timeMs = timeMs
  }
}

export type RingEntry = FlowEntry | LostEntry

/** The entry with this event among entries in order, from index `low` on; undefined = none has it. */
export function findEntry(entries: readonly RingEntry[], sequence: number, low = 0): RingEntry | undefined {
  let high = entries.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (entries[middle]!.from <= sequence) low = middle + 1
    else high = middle
  }
  const entry = entries[low - 1]
  return entry !== undefined && sequence >= entry.from && sequence < entry.from + entry.length ? entry : undefined
}
