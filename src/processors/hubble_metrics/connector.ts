import type { FlowBatch } from '../../flow/batch.ts'
import { Ends } from '../../flow/ends.ts'
import { Family, type FamilyOptions } from '../../metrics/family.ts'
import { IdleSeries } from '../../metrics/idle-series.ts'
import { SeriesProducer } from '../../metrics/producer.ts'
import type { MetricSource } from '../../metrics/source.ts'
import type { Component, CreateContext, FlowConsumer } from '../../pipeline/component.ts'
import type { HubbleMetricsConfig } from './config.ts'
import { NO_ENDS } from './contexts/end-labels.ts'
import type { Handler, HandlerSettings } from './handlers/handler.ts'
import { HANDLER_KINDS } from './handlers/kinds.ts'
import { lostEventsHandler } from './handlers/lost-events.ts'
import { type MetricEntry, readMetrics } from './metric-list.ts'

/** Flows in, metrics out: adds every batch up in the series tables of its handlers, on the thread that brings it. */
export class HubbleMetricsConnector implements Component, FlowConsumer {
  readonly mutates = false
  readonly source: MetricSource
  readonly #handlers: readonly Handler[]
  readonly #families: readonly Family[]
  readonly #ttlMs: number
  readonly #context: CreateContext
  #sweeper: NodeJS.Timeout | undefined
  #endGauges: (() => void)[] = []

  /** @param config already checked */
  constructor(context: CreateContext, config: HubbleMetricsConfig) {
    this.#context = context
    this.#ttlMs = config.series_ttl
    this.#handlers = handlersOf(config, new Ends(context.endpoints))
    this.#families = this.#handlers.flatMap((handler) => handler.families)
    this.source = {
      families: () => this.#families,
      producer: (temporality) => new SeriesProducer(() => this.#families, temporality),
    }
  }

  start(): Promise<void> {
    for (const family of this.#families) this.#watch(family)
    if (this.#ttlMs > 0) {
      const idle = this.#families.map((family) => new IdleSeries(family, this.#ttlMs))
      this.#sweeper = setInterval(() => {
        for (const series of idle) series.sweep()
      }, this.#ttlMs / 2)
      this.#sweeper.unref()
    }
    return Promise.resolve()
  }

  consume(batch: FlowBatch): void {
    for (const handler of this.#handlers) handler.observe(batch)
  }

  shutdown(): Promise<void> {
    clearInterval(this.#sweeper)
    for (const end of this.#endGauges) end()
    this.#endGauges = []
    return Promise.resolve()
  }

  /** Own metrics: how full each table is, and what it refused. */
  #watch(family: Family): void {
    const { telemetry, id } = this.#context
    const labels = { connector: id, metric: family.name }
    const help = 'Series of a metric'
    const refused = 'Label sets of a metric that went to its overflow series'
    this.#endGauges.push(
      telemetry.gauge('fovea_connector_series', help, labels, () => family.size),
      telemetry.gauge('fovea_connector_overflowed_series', refused, labels, () => family.refused),
    )
  }
}

function handlersOf(config: HubbleMetricsConfig, endpoints: Ends): Handler[] {
  const handlers: Handler[] = []
  for (const entry of readMetrics(config.metrics).entries) {
    const settings = settingsOf(entry, config, endpoints)
    const kind = HANDLER_KINDS[entry.name]!
    handlers.push(kind.hubble(settings))
    if (config.exact && kind.exact !== undefined) handlers.push(kind.exact(settings))
  }
  const lost = settingsOf({ name: 'lost', options: new Map(), limit: undefined }, config, endpoints)
  return [...handlers, lostEventsHandler(lost)]
}

function settingsOf(entry: MetricEntry, config: HubbleMetricsConfig, endpoints: Ends): HandlerSettings {
  const limit = entry.limit ?? config.cardinality_limit
  const family = (options: FamilyOptions) => new Family({ limit, ...options })
  return { options: entry.options, ends: NO_ENDS, endpoints, family }
}
