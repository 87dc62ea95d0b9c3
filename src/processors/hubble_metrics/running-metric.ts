import { isDeepStrictEqual } from 'node:util'
import type { FlowBatch } from '../../flow/batch.ts'
import { compileFilters, type RowFilter } from '../../hubble/filters/compile.ts'
import type { FilterContext } from '../../hubble/filters/flow-filter.ts'
import type { Family } from '../../metrics/family.ts'
import type { Handler } from './handlers/handler.ts'
import { HANDLER_KINDS } from './handlers/kinds.ts'
import type { MetricEntry } from './metric-list.ts'
import type { SeriesKeeper } from './series-keeper.ts'

/** What metrics are made of, besides their entries. */
export interface MetricParts {
  keeper: SeriesKeeper
  filters: FilterContext
  /** Whether the exact series are wanted. */
  exact: boolean
}

/** An entry of `metrics` at work: Hubble's handler and that of the exact series, behind the filters of the entry. */
export class RunningMetric {
  readonly families: readonly Family[]
  readonly #handlers: readonly Handler[]
  readonly #filters: FilterContext
  #entry: MetricEntry
  #filter: RowFilter | undefined
  #keep = new Uint8Array(1024)

  constructor(entry: MetricEntry, { keeper, filters, exact }: MetricParts) {
    const kind = HANDLER_KINDS[entry.name]!
    const handlers = [kind.hubble(keeper.hubbleSettings(entry, kind.swapsEnds))]
    if (exact && kind.exact !== undefined) handlers.push(kind.exact(keeper.exactSettings(entry)))
    this.families = handlers.flatMap((handler) => handler.families)
    this.#handlers = handlers
    this.#filters = filters
    this.#entry = entry
    this.#filter = this.#compiled(entry)
  }

  get entry(): MetricEntry {
    return this.#entry
  }

  /** From now on it is this entry's, which differs in its filters alone. */
  filterBy(entry: MetricEntry): void {
    this.#filter = this.#compiled(entry)
    this.#entry = entry
  }

  observe(batch: FlowBatch): void {
    if (this.#filter === undefined) {
      this.#observe(batch)
      return
    }
    if (this.#keep.length < batch.length) this.#keep = new Uint8Array(2 * batch.length)
    this.#filter(batch, 0, batch.length, this.#keep)
    const kept = batch.select(this.#keep)
    if (kept.length > 0) this.#observe(kept)
    if (kept !== batch) kept.release()
  }

  #compiled({ include, exclude }: MetricEntry): RowFilter | undefined {
    const all = include.length === 0 && exclude.length === 0
    return all ? undefined : compileFilters(include, exclude, this.#filters)
  }

  #observe(batch: FlowBatch): void {
    for (const handler of this.#handlers) handler.observe(batch)
  }
}

/** Whether two entries make series with the same labels and limits. */
export function sameSeries(a: MetricEntry, b: MetricEntry): boolean {
  return isDeepStrictEqual([a.limit, a.options], [b.limit, b.options])
}
