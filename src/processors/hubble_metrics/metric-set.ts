import { isDeepStrictEqual } from 'node:util'
import type { FlowBatch } from '../../flow/batch.ts'
import type { Family } from '../../metrics/family.ts'
import type { MetricEntry } from './metric-list.ts'
import { type MetricParts, RunningMetric, sameSeries } from './running-metric.ts'
import type { SeriesMetrics } from './series-metrics.ts'

/** What became of metrics when the list of them changed. */
export interface Changes {
  add: number
  update: number
  remove: number
}

/** The metrics of a connector, which may change while flows come. */
export class MetricSet {
  readonly #parts: MetricParts
  readonly #telemetry: SeriesMetrics
  #metrics: readonly RunningMetric[] = []
  #families: readonly Family[] = []
  #watching = false

  constructor(parts: MetricParts, telemetry: SeriesMetrics) {
    this.#parts = parts
    this.#telemetry = telemetry
  }

  get families(): readonly Family[] {
    return this.#families
  }

  observe(batch: FlowBatch): void {
    for (const metric of this.#metrics) metric.observe(batch)
  }

  /**
   * Makes the metrics be those of the list: series of an entry whose options stay go on, whatever its filters; where options
   * changed, the old series end and new ones begin from 0; those of entries that are no longer there end.
   */
  apply(entries: readonly MetricEntry[]): Changes {
    const before = new Map(this.#metrics.map((metric) => [metric.entry.name, metric]))
    const changes = changesOf(before, entries)
    const staying = entries.map((entry) => stayingOf(before.get(entry.name), entry))
    // First, so that new series find room and names.
    for (const metric of this.#metrics) if (!staying.includes(metric)) this.#end(metric.families)
    this.#metrics = entries.map((entry, i) => staying[i] ?? this.#begin(entry))
    entries.forEach((entry, i) => {
      staying[i]?.filterBy(entry)
    })
    this.#families = this.#metrics.flatMap(({ families }) => families)
    return changes
  }

  /** From now on own metrics tell of the series. */
  watch(): void {
    this.#watching = true
    this.#watch(this.#families)
  }

  #begin(entry: MetricEntry): RunningMetric {
    const metric = new RunningMetric(entry, this.#parts)
    if (this.#watching) this.#watch(metric.families)
    return metric
  }

  #watch(families: readonly Family[]): void {
    for (const family of families) this.#telemetry.watch(family)
  }

  #end(families: readonly Family[]): void {
    this.#parts.keeper.drop(families)
    for (const family of families) this.#telemetry.unwatch(family)
  }
}

/** The running metric, if this entry's series are its series. */
function stayingOf(running: RunningMetric | undefined, entry: MetricEntry): RunningMetric | undefined {
  return running !== undefined && sameSeries(running.entry, entry) ? running : undefined
}

function changesOf(before: ReadonlyMap<string, RunningMetric>, entries: readonly MetricEntry[]): Changes {
  const known = entries.filter(({ name }) => before.has(name))
  const changed = known.filter((entry) => !isDeepStrictEqual(before.get(entry.name)?.entry, entry))
  return { add: entries.length - known.length, update: changed.length, remove: before.size - known.length }
}
