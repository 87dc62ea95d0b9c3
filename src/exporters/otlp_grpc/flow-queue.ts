import type { FlowBatch } from '../../flow/batch.ts'
import { KeptBatch } from '../../flow/kept-batch.ts'

interface Entry {
  kept: KeptBatch
  /** Rows not handed out yet. */
  from: number
  to: number
  receivedMs: number
}

/** Memory that a flow may take on the average: what is left of a batch keeps all its DNS messages. */
const FLOW_BYTES = 2_048

/** Flows waiting to be sent, as the batches they came in: bounded in flows and bytes, first in, first out. */
export class FlowQueue {
  readonly #capacity: number
  readonly #entries: Entry[] = []
  #size = 0
  #bytes = 0
  #inFlight = 0

  /** @param capacity most flows, those handed out and not yet `settle`d included */
  constructor(capacity: number) {
    this.#capacity = capacity
  }

  /** Flows waiting, and in flight. */
  get size(): number {
    return this.#size + this.#inFlight
  }

  /** Flows waiting. */
  get waiting(): number {
    return this.#size
  }

  /** Memory of what waits. */
  get bytes(): number {
    return this.#bytes
  }

  /** Takes as many rows as there is room for, from the first; none where what waits takes too much memory. Returns how many. */
  push(batch: FlowBatch, receivedMs: number): number {
    const taken = Math.min(batch.length, this.#capacity - this.size)
    if (taken <= 0 || this.#bytes >= this.#capacity * FLOW_BYTES) return 0
    this.#entries.push({ kept: new KeptBatch(batch), from: 0, to: taken, receivedMs })
    this.#size += taken
    this.#bytes += this.#entries.at(-1)!.kept.bytes
    return taken
  }

  /** Hands out up to `most` rows, a run of one batch at a time. */
  take(most: number, visit: (batch: FlowBatch, row: number, receivedMs: number) => void): number {
    let left = Math.min(most, this.#size)
    const taken = left
    while (left > 0) {
      const entry = this.#entries[0]!
      const end = Math.min(entry.to, entry.from + left)
      left -= end - entry.from
      const { batch } = entry.kept
      for (let row = entry.from; row < end; row++) visit(batch, row, entry.receivedMs)
      entry.from = end
      if (end === entry.to) this.#forget(entry)
    }
    this.#size -= taken
    this.#inFlight += taken
    return taken
  }

  #forget({ kept }: Entry): void {
    this.#entries.shift()
    this.#bytes -= kept.bytes
    kept.release()
  }

  /** Flows handed out are done with, whatever became of them. */
  settle(flows: number): void {
    this.#inFlight -= flows
  }
}
