import type { FlowBatch } from '../../flow/batch.ts'
import { Ends } from '../../flow/ends.ts'
import type { Family } from '../../metrics/family.ts'
import { SeriesProducer } from '../../metrics/producer.ts'
import type { MetricSource } from '../../metrics/source.ts'
import type { Component, CreateContext, FlowConsumer } from '../../pipeline/component.ts'
import type { HubbleMetricsConfig } from './config.ts'
import type { Handler } from './handlers/handler.ts'
import { HANDLER_KINDS } from './handlers/kinds.ts'
import { lostEventsHandler } from './handlers/lost-events.ts'
import { readMetrics } from './metric-list.ts'
import { SeriesKeeper } from './series-keeper.ts'
import { SeriesMetrics } from './series-metrics.ts'

/** Bounds of the time between two looks for series that are over. */
const MIN_SWEEP_MS = 10
const MAX_SWEEP_MS = 10_000

/** Flows in, metrics out: adds every batch up in the series tables of its handlers, on the thread that brings it. */
export class HubbleMetricsConnector implements Component, FlowConsumer {
  readonly mutates = false
  readonly source: MetricSource
  readonly #handlers: readonly Handler[]
  readonly #families: readonly Family[]
  readonly #keeper: SeriesKeeper
  readonly #metrics: SeriesMetrics
  readonly #sweepMs: number
  #sweeper: NodeJS.Timeout | undefined

  /** @param config already checked */
  constructor(context: CreateContext, config: HubbleMetricsConfig) {
    this.#keeper = new SeriesKeeper(config, new Ends(context.endpoints))
    this.#metrics = new SeriesMetrics(context.telemetry, context.id)
    this.#sweepMs = sweepMs(config)
    this.#handlers = handlersOf(config, this.#keeper)
    this.#families = this.#handlers.flatMap((handler) => handler.families)
    this.source = {
      families: () => this.#families,
      producer: (temporality) => new SeriesProducer(() => this.#families, temporality),
    }
  }

  start(): Promise<void> {
    for (const family of this.#families) this.#metrics.watch(family)
    this.#sweeper = setInterval(() => this.#metrics.removed(this.#keeper.sweep()), this.#sweepMs)
    this.#sweeper.unref()
    return Promise.resolve()
  }

  consume(batch: FlowBatch): void {
    for (const handler of this.#handlers) handler.observe(batch)
    this.#keeper.end()
  }

  shutdown(): Promise<void> {
    clearInterval(this.#sweeper)
    this.#metrics.end()
    this.#keeper.close()
    return Promise.resolve()
  }
}

function handlersOf(config: HubbleMetricsConfig, keeper: SeriesKeeper): Handler[] {
  const handlers: Handler[] = []
  for (const entry of readMetrics(config.metrics).entries) {
    const kind = HANDLER_KINDS[entry.name]!
    handlers.push(kind.hubble(keeper.hubbleSettings(entry, kind.swapsEnds)))
    if (config.exact && kind.exact !== undefined) handlers.push(kind.exact(keeper.exactSettings(entry)))
  }
  const lost = keeper.hubbleSettings({ options: new Map(), limit: undefined })
  return [...handlers, lostEventsHandler(lost)]
}

/** Often enough that no series outlives its time by much. */
function sweepMs({ series_ttl: idleMs, gone_series_ttl: goneMs }: HubbleMetricsConfig): number {
  const shortest = Math.min(idleMs || Number.POSITIVE_INFINITY, goneMs || Number.POSITIVE_INFINITY)
  return Math.min(Math.max(shortest / 4, MIN_SWEEP_MS), MAX_SWEEP_MS)
}
