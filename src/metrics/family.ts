import { type Exemplar, Exemplars } from './exemplars.ts'
import { FamilySnapshot } from './family-snapshot.ts'
import type { LabelTable } from './label-table.ts'
import type { SeriesBudget } from './series-budget.ts'
import { SeriesIndex } from './series-index.ts'

/**
 * Series tables: one family per metric name, one row of numbers per label set. Hot callers keep the integer id of a
 * series and call `add(id, n)`; label strings are touched only when a series is made or read out.
 */

export type FamilyKind = 'counter' | 'gauge' | 'histogram'

export interface FamilyOptions {
  /** OpenTelemetry or Prometheus name without suffix rules applied: written out as it is. */
  name: string
  help: string
  kind: FamilyKind
  /** UCUM unit, `''` when none. */
  unit?: string
  labels?: readonly string[]
  /** Of a gauge: its values add up to something (connections by state), so that OpenTelemetry calls it an UpDownCounter. */
  additive?: boolean
  /** Upper bounds of a histogram's buckets, ascending, without +Inf. */
  buckets?: readonly number[]
  /** Most series; further label sets are added to the overflow series (default 2,000, as in OpenTelemetry's SDK). */
  limit?: number
  /** Label values, shared with other families: where many have the same ones, each is kept once. */
  texts?: LabelTable
  /** Shared with other families: what finds no room there goes to the overflow series as well. */
  budget?: SeriesBudget
}

/** From so many rows on tables grow in smaller steps. */
const MANY_ROWS = 1_024

/** Id of the series that takes what does not fit (`otel_metric_overflow="true"`). */
export const OVERFLOW = 0

/** All series of one metric. Row 0 is the overflow series, which is read out only once it was used. */
export class Family {
  readonly name: string
  readonly help: string
  readonly kind: FamilyKind
  readonly unit: string
  readonly labels: readonly string[]
  readonly additive: boolean
  readonly buckets: readonly number[]
  readonly limit: number
  /** Label sets refused because the table was full (each try counts). */
  refused = 0
  readonly #budget: SeriesBudget | undefined
  readonly #index: SeriesIndex
  readonly #free: number[] = []
  readonly #watchers = new Set<(id: number) => void>()
  readonly #clock: () => number
  /** 1 = the row is a series. */
  #live = new Uint8Array(8)
  /** Rows ever used are below this. */
  #end = 1
  /** counter and gauge: the value; histogram: the sum. */
  #values = new Float64Array(8)
  /** histogram: per series `buckets.length + 1` counts. */
  #counts: Float64Array<ArrayBuffer>
  #startMs = new Float64Array(8)
  /** Made with the first exemplar. */
  #exemplars: Exemplars | undefined
  #overflowUsed = false
  #removed = 0

  constructor(options: FamilyOptions, clock: () => number = Date.now) {
    this.name = options.name
    this.help = options.help
    this.kind = options.kind
    this.unit = options.unit ?? ''
    this.labels = options.labels ?? []
    this.additive = options.additive ?? false
    this.buckets = options.buckets ?? []
    this.limit = options.limit ?? 2_000
    this.#budget = options.budget
    this.#clock = clock
    this.#index = new SeriesIndex(this.labels.length, options.texts)
    this.#counts = new Float64Array(this.kind === 'histogram' ? 8 * (this.buckets.length + 1) : 0)
    this.#startMs[OVERFLOW] = clock()
  }

  /** Series in use, the overflow series not counted. */
  get size(): number {
    return this.#index.size
  }

  /** Grows whenever a series is removed, or room is made: who keeps ids asks for them again then. */
  get generation(): number {
    return this.#removed + (this.#budget?.generation ?? 0)
  }

  /** Id of the series with these label values (in the order of `labels`), made when new; `OVERFLOW` when the limit is reached. */
  series(...values: readonly string[]): number {
    const known = this.#index.find(values)
    if (known >= 0) return known
    if (this.#index.size >= this.limit || this.#budget?.take() === false) {
      this.refused++
      this.#overflowUsed = true
      return OVERFLOW
    }
    const id = this.#free.pop() ?? this.#end++
    this.#grow(id)
    this.#live[id] = 1
    this.#startMs[id] = this.#clock()
    this.#index.insert(id, values)
    return id
  }

  add(id: number, amount: number): void {
    this.#values[id]! += amount
  }

  set(id: number, value: number): void {
    this.#values[id] = value
  }

  /** Records `value` `times` times in a histogram. */
  observe(id: number, value: number, times = 1): void {
    this.#counts[id * (this.buckets.length + 1) + this.#bucket(value)]! += times
    this.#values[id]! += value * times
  }

  /**
   * Keeps the trace of what was just added or observed, instead of the one kept before: one per counter series, one per
   * histogram bucket, none of a gauge. OpenMetrics alone shows them.
   * @param value what was added, or observed @param timeMs Unix milliseconds
   */
  exemplar(id: number, traceId: string, value: number, timeMs: number): void {
    if (this.kind === 'gauge') return
    this.#exemplars ??= new Exemplars(this.kind === 'histogram' ? this.buckets.length + 1 : 1)
    this.#exemplars.keep(id, this.kind === 'histogram' ? this.#bucket(value) : 0, traceId, value, timeMs)
  }

  /** What `exemplar` kept. @param bucket 0 of a counter */
  exemplarOf(id: number, bucket = 0): Readonly<Exemplar> | undefined {
    return this.#exemplars?.of(id, bucket)
  }

  /** Adds one series of a family of the same kind, labels and buckets; of a gauge the other's value wins. */
  absorb(other: FamilySnapshot, id: number): void {
    const mine = id === OVERFLOW ? OVERFLOW : this.series(...(other.labelValues(id) ?? []))
    if (id === OVERFLOW) this.#overflowUsed = true
    if (this.kind === 'gauge') this.set(mine, other.value(id))
    else this.add(mine, other.value(id))
    if (this.kind === 'gauge') return
    const to = this.kind === 'histogram' ? this.bucketCounts(mine) : undefined
    const from = other.bucketCounts(id)
    for (let bucket = 0; bucket <= this.buckets.length; bucket++) {
      if (to !== undefined) to[bucket]! += from[bucket]!
      const exemplar = other.exemplar(id, bucket)
      if (exemplar !== undefined) this.exemplar(mine, exemplar.traceId, exemplar.value, exemplar.timeMs)
    }
  }

  /** Everything as it is now; costs a copy of the numbers. To be closed. */
  snapshot(): FamilySnapshot {
    const live = this.#live.slice(0, this.#end)
    live[OVERFLOW] = this.#overflowUsed ? 1 : 0
    const width = this.kind === 'histogram' ? this.buckets.length + 1 : 0
    const counts = this.#counts.slice(0, this.#end * width)
    return new FamilySnapshot(this, { live, values: this.#values.slice(0, this.#end), counts })
  }

  /** Forgets a series; its id is used again. Watchers are told first, while its numbers can still be read. */
  remove(id: number): void {
    if (id === OVERFLOW || this.#live[id] !== 1) return
    for (const watcher of this.#watchers) watcher(id)
    this.#index.remove(id)
    this.#live[id] = 0
    this.#values[id] = 0
    this.#exemplars?.remove(id)
    if (this.kind === 'histogram') this.bucketCounts(id).fill(0)
    this.#free.push(id)
    this.#budget?.give()
    this.#removed++
  }

  /**
   * Ids of the series whose labels from `first` on are one of `wanted`.
   * @param wanted label values, all of them equally many
   */
  matching(first: number, wanted: readonly (readonly string[])[]): number[] {
    return this.#index.matching(first, wanted)
  }

  /** Calls `watcher` with the id of every series about to be removed. Returns a function that ends that. */
  watchRemovals(watcher: (id: number) => void): () => void {
    this.#watchers.add(watcher)
    return () => this.#watchers.delete(watcher)
  }

  value(id: number): number {
    return this.#values[id]!
  }

  /** Counts per bucket of one histogram series, not cumulative; the last one is above every bound. */
  bucketCounts(id: number): Float64Array {
    const width = this.buckets.length + 1
    return this.#counts.subarray(id * width, (id + 1) * width)
  }

  /** A number that grows with every change of a counter or histogram: the value, or the count of observations. */
  activity(id: number): number {
    if (this.kind !== 'histogram') return this.#values[id]!
    const width = this.buckets.length + 1
    let count = 0
    for (let at = id * width; at < (id + 1) * width; at++) count += this.#counts[at]!
    return count
  }

  /** Unix milliseconds at which the series was made. */
  startMs(id: number): number {
    return this.#startMs[id]!
  }

  /** Unix milliseconds at which a series made or removed now begins or ends. */
  get nowMs(): number {
    return this.#clock()
  }

  /** Label values of a series; for the overflow series `undefined`. */
  labelValues(id: number): readonly string[] | undefined {
    return this.#live[id] === 1 ? this.#index.values(id) : undefined
  }

  /** Ids of all series to read out, the overflow series first where it was used. */
  *ids(): Generator<number> {
    if (this.#overflowUsed) yield OVERFLOW
    for (let id = 1; id < this.#end; id++) if (this.#live[id] === 1) yield id
  }

  #bucket(value: number): number {
    let bucket = 0
    while (bucket < this.buckets.length && value > this.buckets[bucket]!) bucket++
    return bucket
  }

  #grow(id: number): void {
    if (id < this.#values.length) return
    // Many series: less room that nobody uses, for a copy more now and then.
    const rows = Math.ceil(this.#values.length * (id < MANY_ROWS ? 2 : 1.25))
    this.#values = enlarged(this.#values, rows)
    this.#startMs = enlarged(this.#startMs, rows)
    const live = new Uint8Array(rows)
    live.set(this.#live)
    this.#live = live
    if (this.kind === 'histogram') this.#counts = enlarged(this.#counts, rows * (this.buckets.length + 1))
  }
}

function enlarged(array: Float64Array, length: number): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(length)
  larger.set(array)
  return larger
}
