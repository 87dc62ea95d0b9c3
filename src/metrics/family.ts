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
  /** Upper bounds of a histogram's buckets, ascending, without +Inf. */
  buckets?: readonly number[]
  /** Most series; further label sets are added to the overflow series (default 2,000, as in OpenTelemetry's SDK). */
  limit?: number
}

/** Id of the series that takes what does not fit (`otel_metric_overflow="true"`). */
export const OVERFLOW = 0

const SEPARATOR = '\u0000'

/** All series of one metric. Row 0 is the overflow series, which is read out only once it was used. */
export class Family {
  readonly name: string
  readonly help: string
  readonly kind: FamilyKind
  readonly unit: string
  readonly labels: readonly string[]
  readonly buckets: readonly number[]
  readonly limit: number
  /** Label sets refused because the table was full (each try counts). */
  refused = 0
  #ids = new Map<string, number>()
  #labelValues: (readonly string[] | undefined)[] = [undefined]
  #free: number[] = []
  /** counter and gauge: the value; histogram: the sum. */
  #values: Float64Array
  /** histogram: per series `buckets.length + 1` counts. */
  #counts: Float64Array
  #startMs: Float64Array
  #overflowUsed = false
  #clock: () => number

  constructor(options: FamilyOptions, clock: () => number = Date.now) {
    this.name = options.name
    this.help = options.help
    this.kind = options.kind
    this.unit = options.unit ?? ''
    this.labels = options.labels ?? []
    this.buckets = options.buckets ?? []
    this.limit = options.limit ?? 2_000
    this.#clock = clock
    this.#values = new Float64Array(8)
    this.#counts = new Float64Array(this.kind === 'histogram' ? 8 * (this.buckets.length + 1) : 0)
    this.#startMs = new Float64Array(8)
    this.#startMs[OVERFLOW] = clock()
  }

  /** Series in use, the overflow series not counted. */
  get size(): number {
    return this.#ids.size
  }

  /** Id of the series with these label values (in the order of `labels`), made when new; `OVERFLOW` when the limit is reached. */
  series(...values: readonly string[]): number {
    const key = values.length === 1 ? values[0]! : values.join(SEPARATOR)
    const known = this.#ids.get(key)
    if (known !== undefined) return known
    if (this.#ids.size >= this.limit) {
      this.refused++
      this.#overflowUsed = true
      return OVERFLOW
    }
    const id = this.#free.pop() ?? this.#labelValues.length
    this.#labelValues[id] = values
    this.#grow(id)
    this.#startMs[id] = this.#clock()
    this.#ids.set(key, id)
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
    let bucket = 0
    while (bucket < this.buckets.length && value > this.buckets[bucket]!) bucket++
    this.#counts[id * (this.buckets.length + 1) + bucket]! += times
    this.#values[id]! += value * times
  }

  /** Forgets a series; its id is used again. */
  remove(id: number): void {
    const values = this.#labelValues[id]
    if (id === OVERFLOW || values === undefined) return
    this.#ids.delete(values.length === 1 ? values[0]! : values.join(SEPARATOR))
    this.#labelValues[id] = undefined
    this.#values[id] = 0
    const width = this.buckets.length + 1
    if (this.kind === 'histogram') this.#counts.fill(0, id * width, (id + 1) * width)
    this.#free.push(id)
  }

  value(id: number): number {
    return this.#values[id]!
  }

  /** Counts per bucket of one histogram series, not cumulative; the last one is above every bound. */
  bucketCounts(id: number): Float64Array {
    const width = this.buckets.length + 1
    return this.#counts.subarray(id * width, (id + 1) * width)
  }

  /** Unix milliseconds at which the series was made. */
  startMs(id: number): number {
    return this.#startMs[id]!
  }

  /** Label values of a series; for the overflow series `undefined`. */
  labelValues(id: number): readonly string[] | undefined {
    return this.#labelValues[id]
  }

  /** Ids of all series to read out, the overflow series first where it was used. */
  *ids(): Generator<number> {
    if (this.#overflowUsed) yield OVERFLOW
    yield* this.#ids.values()
  }

  #grow(id: number): void {
    if (id < this.#values.length) return
    const rows = this.#values.length * 2
    this.#values = enlarged(this.#values, rows)
    this.#startMs = enlarged(this.#startMs, rows)
    if (this.kind === 'histogram') this.#counts = enlarged(this.#counts, rows * (this.buckets.length + 1))
  }
}

function enlarged(array: Float64Array, length: number): Float64Array {
  const larger = new Float64Array(length)
  larger.set(array)
  return larger
}
