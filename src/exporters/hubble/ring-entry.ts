import { type BatchParts, FlowBatch, type LostEvents } from '../../flow/batch.ts'
import { bufferBytes, type Columns, viewColumns } from '../../flow/columns.ts'
import { emptyL7 } from '../../flow/l7.ts'

/** Below this many rows the views of a batch weigh more than its columns: only the buffer is kept, views are made on reading. */
const SMALL_ROWS = 256

/** Bytes of the objects around a kept buffer, and of the 60 typed arrays of a kept batch. */
const BUFFER_OVERHEAD = 512
const BATCH_OVERHEAD = 8 * 1024

/** Flows of one batch, as the ring keeps them: never more than one `FlowBatch` of objects for all its rows. */
export class FlowEntry {
  readonly at = 'flows'
  /** Sequence number of the first row. */
  readonly from: number
  readonly length: number
  /** Memory this entry holds. */
  readonly bytes: number
  /** Number of the batch, for UUIDs. */
  readonly serial: number
  readonly #kept: FlowBatch | BatchParts
  /** Of parts, while somebody reads them. */
  #view: WeakRef<FlowBatch> | undefined

  constructor(batch: FlowBatch, from: number, serial: number) {
    const small = batch.length < SMALL_ROWS
    this.#kept = small || batch.buffer.byteLength > 2 * bufferBytes(batch.length) ? compactParts(batch) : batch
    if (this.#kept === batch) batch.retain()
    this.from = from
    this.length = batch.length
    this.serial = serial
    this.bytes = this.#kept.buffer.byteLength + batch.l7.bytes + stringBytes(batch.strings)
    this.bytes += small ? BUFFER_OVERHEAD : BATCH_OVERHEAD
  }

  /** The batch. */
  get batch(): FlowBatch {
    if (this.#kept instanceof FlowBatch) return this.#kept
    const known = this.#view?.deref()
    if (known !== undefined) return known
    const batch = new FlowBatch(this.#kept)
    this.#view = new WeakRef(batch)
    return batch
  }

  /** The ring forgets it. */
  release(): void {
    if (this.#kept instanceof FlowBatch) this.#kept.release()
  }
}

/** Events that were lost before they became flows, at their place among the flows. */
export class LostEntry {
  readonly at = 'lost'
  readonly from: number
  readonly length = 1
  readonly bytes = BUFFER_OVERHEAD
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

/** The rows in use alone: decoders leave room behind them. */
function compactParts(batch: FlowBatch): BatchParts {
  const { length, strings, epoch } = batch
  const buffer = new ArrayBuffer(bufferBytes(length))
  const to = viewColumns(buffer, length)
  for (const name of Object.keys(to) as (keyof Columns)[])
    to[name].set(batch.columns[name].subarray(0, to[name].length))
  return {
    length,
    capacity: length,
    buffer,
    strings,
    l7: batch.l7.length > 0 ? batch.l7.copyParts() : emptyL7(),
    epoch,
  }
}

/** UTF-16 and a header for each. */
function stringBytes(strings: readonly string[]): number {
  let bytes = 0
  for (const text of strings) bytes += 24 + 2 * text.length
  return bytes
}
