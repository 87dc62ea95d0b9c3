import type { FlowBatch, LostEvents } from '../../flow/batch.ts'
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

  constructor(batch: FlowBatch, from: number, serial: number) {
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

  /** The ring forgets it. */
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
