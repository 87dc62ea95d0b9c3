import type { FlowBatch } from '../../../flow/batch.ts'
import type { EndpointTable } from '../../../flow/endpoint.ts'
import { Ends } from '../../../flow/ends.ts'
import { LabelTable } from '../../../metrics/label-table.ts'
import { type EndpointReading, EndpointValues } from './endpoint-values.ts'
import { AddressValues, type End, NameValues } from './row-values.ts'

/** Most names and addresses remembered at the beginning of a batch; more are forgotten together. */
const MAX_ROW_VALUES = 65_536

/** By reading: what no endpoint says any more. */
export type GoneValues = ReadonlyMap<EndpointValues, readonly (readonly string[])[]>

/** Where labels of ends come from: shared by all metrics of a connector, so that each endpoint is read once for each reading. */
export class EndSources {
  readonly names = new NameValues()
  readonly addresses = new AddressValues()
  /** Grows whenever numbers come to stand for something else. */
  generation = 0
  readonly #ends: Ends
  readonly #texts: LabelTable
  readonly #readings = new Map<string, EndpointValues>()
  readonly #unwatch: () => void
  #batch: FlowBatch | undefined

  /** @param texts where label values of endpoints are kept, each once */
  constructor(ends: Ends = new Ends(), texts = new LabelTable()) {
    this.#ends = ends
    this.#texts = texts
    this.#unwatch = ends.table.watchRemovals((id) => {
      for (const values of this.#readings.values()) values.forget(id)
    })
  }

  get table(): EndpointTable {
    return this.#ends.table
  }

  /** To be called before rows are looked at; costs nothing when repeated. */
  begin(batch: FlowBatch): void {
    if (batch === this.#batch) return
    this.#batch = batch
    this.#ends.refresh()
    if (this.names.size > MAX_ROW_VALUES || this.addresses.size > MAX_ROW_VALUES) {
      this.names.clear()
      this.addresses.clear()
      this.generation++
    }
    this.names.begin(batch)
  }

  /** No row of the batch is looked at any more. */
  end(): void {
    this.#batch = undefined
  }

  /** Ends for good: the table is not watched any more. */
  close(): void {
    this.end()
    this.#unwatch()
  }

  /** Endpoint id of an end of a row. */
  endpointId(batch: FlowBatch, row: number, end: End): number {
    return end === 'source' ? this.#ends.source(batch, row) : this.#ends.destination(batch, row)
  }

  /** The values of one reading. @param key names the reading: one key, one reading */
  values(key: string, read: EndpointReading): EndpointValues {
    let values = this.#readings.get(key)
    if (values === undefined) {
      values = new EndpointValues(this.table, read, this.#texts)
      this.#readings.set(key, values)
    }
    return values
  }

  /** By reading: what no endpoint has said for `graceMs`, found in steps between which flows may be counted. */
  *sweep(nowMs: number, graceMs: number): Generator<void, GoneValues> {
    const gone = new Map<EndpointValues, readonly (readonly string[])[]>()
    for (const values of this.#readings.values()) {
      const dead = yield* values.sweep(nowMs, graceMs)
      if (dead.length === 0) continue
      gone.set(values, dead)
      // Their numbers are void from now on.
      this.generation++
    }
    return gone
  }
}
