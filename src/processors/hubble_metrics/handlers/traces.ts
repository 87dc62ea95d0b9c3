import type { FlowBatch } from '../../../flow/batch.ts'
import type { ForeignFlows } from '../../../flow/foreign.ts'
import type { Family } from '../../../metrics/family.ts'

/** What the option `exemplars` does. */
export const EXEMPLARS_HELP = 'exemplars=true keeps the trace of the last flow of each series that has one'

/** Keeps traces of flows as exemplars, where the option asks for that. Only flows of other observers have traces. */
export class Traces {
  readonly #wanted: boolean
  /** The row that was read last, and its trace: some rows count in several families. */
  #foreign: ForeignFlows | undefined
  #row = 0
  #traceId = ''

  constructor(options: ReadonlyMap<string, readonly string[]>) {
    this.#wanted = options.get('exemplars')?.[0] === 'true'
  }

  /** Whether rows of this batch should be told to `keep`. */
  in(batch: FlowBatch): boolean {
    return this.#wanted && batch.foreign !== undefined
  }

  /** Of a batch of which `in` says so: keeps the trace of a row, if it has one, with what was added to, or observed in, the series. */
  keep(family: Family, id: number, batch: FlowBatch, row: number, value: number): void {
    const traceId = this.#traceOf(batch.foreign!, row)
    if (traceId === '') return
    const { timeSeconds, timeNanos } = batch.columns
    family.exemplar(id, traceId, value, timeSeconds[row]! * 1_000 + timeNanos[row]! / 1e6)
  }

  #traceOf(foreign: ForeignFlows, row: number): string {
    if (foreign === this.#foreign && row === this.#row) return this.#traceId
    this.#foreign = foreign
    this.#row = row
    this.#traceId = foreign.traceId(row)
    return this.#traceId
  }
}
