import { FlowBatch, type LostEvents } from '../../flow/batch.ts'
import { bufferBytes, COLUMNS, type ColumnName, copyRows, MAX_ROWS } from '../../flow/columns.ts'
import type { EndpointTable, NamingEpoch } from '../../flow/endpoint.ts'
import { ForeignBuilder } from '../../flow/foreign.ts'
import { emptyL7 } from '../../flow/l7.ts'
import { L7Builder } from '../../flow/l7-builder.ts'
import { MalformedError } from '../../flow/protobuf-reader.ts'
import { FlowReader } from './flow-reader.ts'
import type { ForeignEndpoints } from './foreign-endpoints.ts'
import { MessageCheck } from './message-check.ts'
import type { Timestamp } from './seen-flows.ts'

/** Most flows of one batch, and most bytes of them: larger ones would make every step of the pipeline a long one. */
const MOST_ROWS = Math.min(4_096, MAX_ROWS)
const MOST_BYTES = 8 * 1024 * 1024
const MOST_L7_HEAP = 16 * 1024 * 1024
const FIRST_ROWS = 64
/** Fields of ends and their services: checked when they are new. */
const ENDS = [8, 9, 20, 21]

/** Collects flows of other observers into a batch: columns, and each `flow.Flow` as it came. */
export class FlowRows {
  readonly #table: EndpointTable
  readonly #l7 = new L7Builder(MOST_ROWS, MOST_L7_HEAP)
  readonly #foreign = new ForeignBuilder(MOST_ROWS)
  readonly #check = new MessageCheck('flow.Flow', ENDS)
  readonly #reader: FlowReader
  #batch = FlowBatch.allocate(FIRST_ROWS)
  #epoch: NamingEpoch | undefined
  #length = 0
  /** L7 parts left out because the table of a batch was full. */
  l7Refused = 0

  constructor(table: EndpointTable, endpoints: ForeignEndpoints) {
    this.#table = table
    this.#reader = new FlowReader(endpoints, this.#l7)
  }

  get length(): number {
    return this.#length
  }

  /** No further flow should be added before `take`. */
  get full(): boolean {
    return this.#length >= MOST_ROWS || this.#foreign.used >= MOST_BYTES
  }

  /** Adds the flow encoded in `bytes[at, end)`. @param time of the answer, for a flow without one @returns false when it is malformed, and nothing was added */
  add(bytes: Uint8Array, at: number, end: number, time?: Timestamp): boolean {
    if (this.#length >= this.#batch.capacity) this.#grow()
    this.#epoch ??= this.#table.epoch
    const row = this.#length
    const [l7Rows, l7Used] = [this.#l7.length, this.#l7.used]
    try {
      this.#check.check(bytes, at, end)
      this.#reader.read(bytes, at, end, this.#batch, row)
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error
      this.#l7.length = l7Rows
      this.#l7.used = l7Used
      this.#clearRow(row)
      return false
    }
    const { timeSeconds, timeNanos } = this.#batch.columns
    if (time !== undefined && timeSeconds[row] === 0) {
      timeSeconds[row] = time.seconds
      timeNanos[row] = time.nanos
    }
    this.#foreign.add(bytes, at, end - at)
    this.#length++
    return true
  }

  /** The flows so far; nothing is left. */
  take(lost: LostEvents[]): FlowBatch {
    this.l7Refused += this.#l7.refused
    const { capacity, buffer, strings } = this.#batch
    const [length, epoch] = [this.#length, this.#epoch]
    const l7 = this.#l7.length > 0 ? this.#l7.take() : emptyL7()
    this.#l7.clear()
    this.#batch = FlowBatch.allocate(Math.min(MOST_ROWS, Math.max(FIRST_ROWS, length)))
    this.#length = 0
    this.#epoch = undefined
    return new FlowBatch({ length, capacity, buffer, strings, l7, epoch, foreign: this.#foreign.take() }, lost)
  }

  #clearRow(row: number): void {
    for (const name of Object.keys(COLUMNS) as ColumnName[]) {
      const width = COLUMNS[name][1]
      this.#batch.columns[name].fill(0, row * width, (row + 1) * width)
    }
  }

  #grow(): void {
    const { strings, columns } = this.#batch
    const capacity = Math.min(MOST_ROWS, 4 * this.#batch.capacity)
    const buffer = new ArrayBuffer(bufferBytes(capacity))
    const larger = new FlowBatch({ length: capacity, capacity, buffer, strings, l7: emptyL7() })
    copyRows(columns, larger.columns, this.#length)
    this.#batch = larger
  }
}
