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
 * a dashboard finds the same series whichever way they came. All sums are monotonic. A removed series is told once more
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
    for (const family of this.#families()) {
      const data = this.#reader(family).read(this.#lastMs, nowMs)
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
}

/** What one reader knows of one family: for deltas, the numbers it was told last. */
class FamilyReader {
  readonly #family: Family
  readonly #delta: boolean
  readonly #width: number
  /** Per series: value (or sum), then the bucket counts, as told last. Empty when cumulative. */
  #told = new Float64Array(0)
  /** `told` before the last collection. */
  #before = new Float64Array(0)
  #departedBefore: Departed[] = []
  /** Last points of series removed since the last collection; bounded, should nobody collect. */
  #departed: Departed[] = []

  constructor(family: Family, temporality: Temporality) {
    this.#family = family
    this.#delta = temporality === 'delta' && family.kind !== 'gauge'
    this.#width = family.kind === 'histogram' ? family.buckets.length + 2 : 1
    if (family.kind !== 'gauge') family.watchRemovals((id) => this.#depart(id))
  }

  undo(): void {
    if (!this.#delta) return
    this.#told = this.#before.slice()
    this.#departed = [...this.#departedBefore, ...this.#departed].slice(0, this.#family.limit)
    this.#departedBefore = []
  }

  read(lastMs: number, nowMs: number): MetricData {
    if (this.#delta) this.#before = this.#told.slice()
    const points: DataPoint<Float64Array>[] = []
    const point = (attributes: Attributes, numbers: Float64Array, startMs: number) =>
      points.push({ attributes, value: numbers, endTime: hrTime(nowMs), startTime: hrTime(startMs) })
    for (const { attributes, numbers, startMs } of this.#departed)
      point(attributes, numbers, this.#delta ? Math.max(lastMs, startMs) : startMs)
    this.#departedBefore = this.#departed
    this.#departed = []
    for (const id of this.#family.ids()) {
      const numbers = this.#take(id)
      if (this.#delta && isZero(numbers)) continue
      const startMs = this.#family.startMs(id)
      point(attributesOf(this.#family, id), numbers, this.#delta ? Math.max(lastMs, startMs) : startMs)
    }
    return this.#metric(points)
  }

  #depart(id: number): void {
    const numbers = this.#take(id)
    const at = id * this.#width
    // The id may be another series' next.
    for (const numbersTold of [this.#told, this.#before]) numbersTold.fill(0, at, at + this.#width)
    if (isZero(numbers) || this.#departed.length >= this.#family.limit) return
    this.#departed.push({ attributes: attributesOf(this.#family, id), numbers, startMs: this.#family.startMs(id) })
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
    const { name, help, unit, kind, buckets } = this.#family
    const descriptor = { name, description: help, unit, valueType: OTEL.double }
    const aggregationTemporality = this.#delta ? OTEL.delta : OTEL.cumulative
    const base = { descriptor, aggregationTemporality }
    if (kind === 'histogram') {
      const dataPoints = points.map((p) => ({ ...p, value: histogram(p.value, buckets) }))
      return { ...base, dataPointType: OTEL.histogram, dataPoints }
    }
    const dataPoints = points.map((p) => ({ ...p, value: p.value[0]! }))
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
