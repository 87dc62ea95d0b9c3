import { type BatchParts, FlowBatch } from './batch.ts'
import { bufferBytes, type Columns, viewColumns } from './columns.ts'
import { emptyL7 } from './l7.ts'

/** Below this many rows the views of a batch weigh more than its columns: only the buffer is kept, views are made on reading. */
const SMALL_ROWS = 256

/** Bytes of the objects around a kept buffer, and of the 60 typed arrays of a kept batch. */
const BUFFER_OVERHEAD = 512
const BATCH_OVERHEAD = 8 * 1024

/** A batch that is kept for long, in little memory: never more than one `FlowBatch` of objects for all its rows. */
export class KeptBatch {
  /** Memory this one holds. */
  readonly bytes: number
  readonly #kept: FlowBatch | BatchParts
  #holders = 1
  /** Of parts, while somebody reads them. */
  #view: WeakRef<FlowBatch> | undefined

  /** @param batch retained, copied or, where it is parts, taken over */
  constructor(batch: FlowBatch | BatchParts) {
    const small = batch.length < SMALL_ROWS
    const compact =
      !(batch instanceof FlowBatch) || (!small && batch.buffer.byteLength <= 2 * bufferBytes(batch.length))
    this.#kept = compact ? batch : compactParts(batch)
    if (this.#kept === batch && batch instanceof FlowBatch) batch.retain()
    this.bytes = this.#kept.buffer.byteLength + l7Bytes(this.#kept) + stringBytes(batch.strings)
    this.bytes += this.#kept.foreign?.bytes ?? 0
    this.bytes += small ? BUFFER_OVERHEAD : BATCH_OVERHEAD
  }

  /** The batch; valid until `release`. */
  get batch(): FlowBatch {
    if (this.#kept instanceof FlowBatch) return this.#kept
    const known = this.#view?.deref()
    if (known !== undefined) return known
    const batch = new FlowBatch(this.#kept)
    this.#view = new WeakRef(batch)
    return batch
  }

  /** Somebody else needs it, too. */
  retain(): void {
    this.#holders++
  }

  /** It is not needed any more. */
  release(): void {
    if (--this.#holders > 0) return
    if (this.#kept instanceof FlowBatch) this.#kept.release()
    else this.#kept.foreign?.release()
  }
}

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
    // A filter may have left none of the rows that the table is about.
    l7: batch.columns.l7.subarray(0, length).some((row) => row !== 0) ? batch.l7.copyParts() : emptyL7(),
    epoch,
    foreign: batch.foreign?.compact(),
  }
}

function l7Bytes({ l7 }: FlowBatch | BatchParts): number {
  return 'bytes' in l7 ? l7.bytes : l7.buffer.byteLength + l7.heap.byteLength
}

/** UTF-16 and a header for each. */
function stringBytes(strings: readonly string[]): number {
  let bytes = 0
  for (const text of strings) bytes += 24 + 2 * text.length
  return bytes
}
