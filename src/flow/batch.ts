import { bufferBytes, type Columns, gatherRows, viewColumns } from './columns.ts'
import type { NamingEpoch } from './endpoint.ts'
import type { ForeignFlows } from './foreign.ts'
import { emptyL7, type L7Parts, L7Table } from './l7.ts'

/** Events that never became flows; travels with the next batch and ends as `flow.LostEvent`. */
export interface LostEvents {
  /** `LostSource` */
  source: number
  count: number
  /** Unix milliseconds of the first and the last loss, when known. */
  firstMs?: number
  lastMs?: number
  /** `[cluster/]node` where another observer lost them; undefined = this node. */
  nodeName?: string
  /** The processor that observer names. */
  cpu?: number
}

/** What of a batch crosses threads: buffers that are moved, and a few strings. */
export interface BatchParts {
  length: number
  capacity: number
  buffer: ArrayBuffer
  strings: string[]
  l7: L7Parts
  /** See {@link FlowBatch.epoch}; stays on the thread where the batch was named. */
  epoch?: NamingEpoch | undefined
  /** See {@link FlowBatch.foreign}; stays on its thread, too. */
  foreign?: ForeignFlows | undefined
}

/** Longest text that is interned: V8 gives texts of more than 16,383 characters the same hash, and many of them would be compared. */
const MOST_CHARACTERS = 8_192

/**
 * Flows as columns (see `columns.ts`), never as objects. Owned by one writer at a time: processors change it in place;
 * after fan-out it is read-only and may be kept (`retain`).
 */
export class FlowBatch {
  /** Rows in use. */
  readonly length: number
  readonly capacity: number
  readonly buffer: ArrayBuffer
  readonly columns: Columns
  /** What the string columns index; entry 0 is the empty string. */
  readonly strings: string[]
  readonly l7: L7Table
  /** Losses told to whoever reads the flows; usually empty. */
  readonly lost: LostEvents[]
  /** When its endpoint ids were written; keeps them from becoming other endpoints' (see `EndpointTable`). */
  epoch: NamingEpoch | undefined
  /** Of flows that another observer made: each one as it came. Whoever replaces it releases the old one. */
  foreign: ForeignFlows | undefined
  /** Whoever made the batch is the first. */
  #holders = 1
  #indexes: Map<string, number> | undefined

  constructor(parts: BatchParts, lost: LostEvents[] = []) {
    this.length = parts.length
    this.capacity = parts.capacity
    this.buffer = parts.buffer
    this.columns = viewColumns(parts.buffer, parts.capacity)
    this.strings = parts.strings
    this.l7 = new L7Table(parts.l7)
    this.lost = lost
    this.epoch = parts.epoch
    this.foreign = parts.foreign
  }

  /** An empty batch of `length` zeroed rows. */
  static allocate(length: number, lost: LostEvents[] = []): FlowBatch {
    const buffer = new ArrayBuffer(bufferBytes(length))
    const batch = new FlowBatch({ length, capacity: length, buffer, strings: [''], l7: emptyL7() }, lost)
    batch.columns.weight.fill(1)
    return batch
  }

  /** Index of `text` in `strings`, adding it when new. Returns 0 when the table (65,536 entries) is full, or the text longer than 8,192. */
  intern(text: string): number {
    if (text.length > MOST_CHARACTERS) return 0
    this.#indexes ??= new Map(this.strings.map((s, i) => [s, i]))
    const known = this.#indexes.get(text)
    if (known !== undefined) return known
    const index = this.strings.length
    if (index > 0xffff) return 0
    this.strings.push(text)
    this.#indexes.set(text, index)
    return index
  }

  /** Holds the buffers beyond `consume`: for whoever keeps the batch, before it returns. */
  retain(): void {
    this.#holders++
  }

  /**
   * Gives up what `retain`, or making the batch, held. The last one frees the buffers at once, and nobody may read the rows
   * any more: left to the collector, megabytes a batch would make it run all the time. Not to release is safe.
   */
  release(): void {
    if (--this.#holders > 0) return
    this.buffer.transfer(0)
    this.l7.free()
    this.foreign?.release()
  }

  /** Bytes this batch keeps alive: buffers, not the strings. */
  get bytes(): number {
    return this.buffer.byteLength + this.l7.bytes + (this.foreign?.bytes ?? 0)
  }

  /** A writer's own copy; strings are shared by value, buffers are copied. */
  copy(): FlowBatch {
    return new FlowBatch(
      {
        length: this.length,
        capacity: this.capacity,
        buffer: this.buffer.slice(0),
        strings: [...this.strings],
        l7: this.l7.copyParts(),
        epoch: this.epoch,
        foreign: this.foreign?.share(),
      },
      [...this.lost],
    )
  }

  /** A new batch of the rows whose `keep` byte is not 0, in order, with their L7 rows; the strings are shared, not compacted. */
  select(keep: Uint8Array): FlowBatch {
    const rows = new Uint32Array(this.length)
    let kept = 0
    for (let i = 0; i < this.length; i++) if (keep[i]) rows[kept++] = i
    if (kept === this.length) return this
    const buffer = new ArrayBuffer(bufferBytes(kept))
    const columns = viewColumns(buffer, kept)
    gatherRows(this.columns, columns, rows, kept)
    const l7 = this.l7.gather(columns.l7, kept)
    const { strings, epoch } = this
    const foreign = this.foreign?.select(rows, kept)
    return new FlowBatch({ length: kept, capacity: kept, buffer, strings, l7, epoch, foreign }, this.lost)
  }
}
