import type { Attributes, HrTime, ValueType } from '@opentelemetry/api'
import type { Resource } from '@opentelemetry/resources'
import type {
  AggregationTemporality,
  CollectionResult,
  DataPoint,
  DataPointType,
  Histogram,
  MetricData,
} from '@opentelemetry/sdk-metrics'
import { type Family, OVERFLOW } from './family.ts'
import type { Temporality, UndoableProducer } from './source.ts'

/** Values of OpenTelemetry's enums; written out so that a process that only serves Prometheus never loads the SDK (a test compares them). */
export const OTEL = {
  delta: 0 as AggregationTemporality.DELTA,
  cumulative: 1 as AggregationTemporality.CUMULATIVE,
  histogram: 0 as DataPointType.HISTOGRAM,
  gauge: 2 as DataPointType.GAUGE,
  sum: 3 as DataPointType.SUM,
  double: 1 as ValueType.DOUBLE,
} as const

/** Attribute of the series that takes what does not fit (metrics SDK specification, "Overflow attribute"). */
const OVERFLOW_ATTRIBUTES: Attributes = { 'otel.metric.overflow': true }

/** The reader puts its own resource in this one's place. */
const NO_RESOURCE: Resource = { attributes: {}, merge: (other) => other ?? NO_RESOURCE, getRawAttributes: () => [] }

const SCOPE = { name: 'fovea' }

/**
 * Series tables as OpenTelemetry metric data, for one reader. Names are those of Prometheus, `_total` included, so that
 * a dashboard finds the same series whichever way they came. All sums but those of additive gauges are monotonic. A removed series is told once more
 * with its last value (or delta), so nothing that was counted is missed by a reader that comes between two collections.
 */
export class SeriesProducer implements UndoableProducer {
  readonly #families: () => readonly Family[]
  readonly #temporality: Temporality
  readonly #clock: () => number
  readonly #readers = new Map<Family, FamilyReader>()
  /** The first collection tells everything since the series were made. */
  #lastMs = 0
  #beforeMs = 0

  /** @param families called at every collection */
  constructor(families: () => readonly Family[], temporality: Temporality, clock: () => number = Date.now) {
    this.#families = families
    this.#temporality = temporality
    this.#clock = clock
    for (const family of families()) this.#reader(family)
  }

  collect(): Promise<CollectionResult> {
    const nowMs = this.#clock()
    const metrics: MetricData[] = []
    for (const reader of this.#current()) {
      const data = reader.read(this.#lastMs, nowMs)
      if (data.dataPoints.length > 0) metrics.push(data)
    }
    this.#beforeMs = this.#lastMs
    this.#lastMs = nowMs
    const scopeMetrics = metrics.length === 0 ? [] : [{ scope: SCOPE, metrics }]
    return Promise.resolve({ resourceMetrics: { resource: NO_RESOURCE, scopeMetrics }, errors: [] })
  }

  undo(): void {
    this.#lastMs = this.#beforeMs
    for (const reader of this.#readers.values()) reader.undo()
  }

  /** Readers of all families, and for two collections more of those that were taken away: the first may come back by `undo`. */
  #current(): FamilyReader[] {
    const families = this.#families()
    const known = new Set(families)
    for (const [family, reader] of this.#readers) {
      if (!known.has(family) && reader.leave()) this.#readers.delete(family)
    }
    const leaving = [...this.#readers].filter(([family]) => !known.has(family)).map(([, reader]) => reader)
    return [...families.map((family) => this.#reader(family)), ...leaving]
  }

  #reader(family: Family): FamilyReader {
    let reader = this.#readers.get(family)
    if (reader === undefined) {
      reader = new FamilyReader(family, this.#temporality)
      this.#readers.set(family, reader)
    }
    return reader
  }
}

interface Departed {
  attributes: Attributes
  numbers: Float64Array
  startMs: number
  /** When it went: the same labels may have come again since, and points of one series must not overlap in time. */
  endMs: number
  /** Deltas: what the last collection told of it before it went; counts as not told after `undo`. */
  inFlight?: Float64Array
}

/** What one reader knows of one family: for deltas, the numbers it was told last. */
class FamilyReader {
  readonly #family: Family
  readonly #delta: boolean
  readonly #width: number
  /** Per series: value (or sum), then the bucket counts, as told last. Deltas only. */
  #told: Float64Array
  /** `told` before the last collection. */
  #before: Float64Array
  #departedBefore: Departed[] = []
  /** Last points of series removed since the last collection; bounded, should nobody collect. */
  #departed: Departed[] = []
  /** Collections since the family was taken away. */
  #left = 0
  readonly #unwatch: () => void

  constructor(family: Family, temporality: Temporality) {
    this.#family = family
    this.#delta = temporality === 'delta' && family.kind !== 'gauge'
    this.#width = family.kind === 'histogram' ? family.buckets.length + 2 : 1
    this.#told = new Float64Array(this.#width)
    this.#before = new Float64Array(this.#width)
    this.#unwatch = family.kind === 'gauge' ? () => {} : family.watchRemovals((id) => this.#depart(id))
  }

  undo(): void {
    if (!this.#delta) return
    this.#told = this.#before.slice()
    for (const departed of this.#departed) {
      for (let i = 0; i < this.#width; i++) departed.numbers[i]! += departed.inFlight?.[i] ?? 0
      delete departed.inFlight
    }
    this.#departed = [...this.#departedBefore, ...this.#departed]
    this.#departedBefore = []
    this.#bound()
  }

  read(lastMs: number, nowMs: number): MetricData {
    if (this.#delta) this.#before = this.#told.slice()
    const points: DataPoint<Float64Array>[] = []
    const point = (attributes: Attributes, numbers: Float64Array, startMs: number, endMs: number) => {
      const startTime = hrTime(this.#delta ? Math.max(lastMs, startMs) : startMs)
      points.push({ attributes, value: numbers, endTime: hrTime(endMs), startTime })
    }
    for (const { attributes, numbers, startMs, endMs } of this.#departed) {
      if (!isZero(numbers)) point(attributes, numbers, startMs, endMs)
    }
    this.#departedBefore = this.#departed
    this.#departed = []
    for (const id of this.#ids()) {
      const numbers = this.#take(id)
      if (this.#delta && isZero(numbers)) continue
      point(attributesOf(this.#family, id), numbers, this.#family.startMs(id), nowMs)
    }
    return this.#metric(points)
  }

  /** Deltas of removed series may go to an overflow series that the family itself never used. */
  #ids(): Iterable<number> {
    const ids = [...this.#family.ids()]
    return this.#delta && ids[0] !== OVERFLOW ? [OVERFLOW, ...ids] : ids
  }

  /** The family was taken away. Returns true when all it had has been told. */
  leave(): boolean {
    const done = ++this.#left > (this.#delta ? 2 : 1)
    if (done) this.#unwatch()
    return done
  }

  #depart(id: number): void {
    const at = id * this.#width
    const inFlight = this.#delta ? this.#inFlight(at) : undefined
    const numbers = this.#take(id)
    // The id may be another series' next.
    for (const numbersTold of [this.#told, this.#before]) numbersTold.fill(0, at, at + this.#width)
    if (isZero(numbers) && (inFlight === undefined || isZero(inFlight))) return
    const times = { startMs: this.#family.startMs(id), endMs: this.#family.nowMs }
    this.#departed.push({
      attributes: attributesOf(this.#family, id),
      numbers,
      ...times,
      ...(inFlight && { inFlight }),
    })
    this.#bound()
  }

  /** What the last collection told of a series. */
  #inFlight(at: number): Float64Array {
    const numbers = new Float64Array(this.#width)
    for (let i = 0; i < this.#width; i++) numbers[i] = (this.#told[at + i] ?? 0) - (this.#before[at + i] ?? 0)
    return numbers
  }

  /** Beyond as many as the family may have series, deltas of removed ones are told as the overflow series': sums stay exact. */
  #bound(): void {
    while (this.#departed.length > this.#family.limit) {
      const { numbers, inFlight } = this.#departed.pop()!
      for (let i = 0; this.#delta && i < this.#width; i++) {
        this.#told[OVERFLOW * this.#width + i]! -= numbers[i]!
        this.#before[OVERFLOW * this.#width + i]! -= numbers[i]! + (inFlight?.[i] ?? 0)
      }
    }
  }

  /**
   * Numbers of a series to tell now; with deltas they count as told. Bucket counts are integers in OTLP, but sampling
   * weights may not be: the running count is rounded, so that deltas still add up to it.
   */
  #take(id: number): Float64Array {
    const numbers = new Float64Array(this.#width)
    numbers[0] = this.#family.value(id)
    if (this.#family.kind === 'histogram') numbers.set(this.#family.bucketCounts(id).map(Math.round), 1)
    if (!this.#delta) return numbers
    const at = id * this.#width
    if (at + this.#width > this.#told.length) this.#told = enlarged(this.#told, (at + this.#width) * 2)
    for (let i = 0; i < this.#width; i++) {
      const now = numbers[i]!
      numbers[i] = now - this.#told[at + i]!
      this.#told[at + i] = now
    }
    return numbers
  }

  #metric(points: DataPoint<Float64Array>[]): MetricData {
    const { name, help, unit, kind, buckets, additive } = this.#family
    const descriptor = { name, description: help, unit, valueType: OTEL.double }
    const aggregationTemporality = this.#delta ? OTEL.delta : OTEL.cumulative
    const base = { descriptor, aggregationTemporality }
    if (kind === 'histogram') {
      const dataPoints = points.map((p) => ({ ...p, value: histogram(p.value, buckets) }))
      return { ...base, dataPointType: OTEL.histogram, dataPoints }
    }
    const dataPoints = points.map((p) => ({ ...p, value: p.value[0]! }))
    if (additive) return { ...base, dataPointType: OTEL.sum, isMonotonic: false, dataPoints }
    if (kind === 'gauge') return { ...base, dataPointType: OTEL.gauge, dataPoints }
    return { ...base, dataPointType: OTEL.sum, isMonotonic: true, dataPoints }
  }
}

function histogram(numbers: Float64Array, buckets: readonly number[]): Histogram {
  const counts = Array.from(numbers.subarray(1))
  const count = counts.reduce((sum, n) => sum + n, 0)
  return { buckets: { boundaries: [...buckets], counts }, sum: numbers[0]!, count }
}

function attributesOf(family: Family, id: number): Attributes {
  if (id === OVERFLOW) return OVERFLOW_ATTRIBUTES
  const values = family.labelValues(id) ?? []
  const attributes: Attributes = {}
  for (let i = 0; i < values.length; i++) attributes[family.labels[i]!] = values[i]!
  return attributes
}

function isZero(numbers: Float64Array): boolean {
  for (const number of numbers) if (number !== 0) return false
  return true
}

function hrTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1000)
  return [seconds, Math.round((ms - seconds * 1000) * 1e6)]
}

function enlarged(array: Float64Array, length: number): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(length)
  larger.set(array)
  return larger
}
