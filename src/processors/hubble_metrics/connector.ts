import type { FlowBatch } from '../../flow/batch.ts'
import { Ends } from '../../flow/ends.ts'
import { SeriesProducer } from '../../metrics/producer.ts'
import type { MetricSource } from '../../metrics/source.ts'
import type { Component, CreateContext, FlowConsumer } from '../../pipeline/component.ts'
import { DEFAULT_METRICS, type HubbleMetricsConfig } from './config.ts'
import { DynamicMetrics } from './dynamic-metrics.ts'
import type { Handler } from './handlers/handler.ts'
import { lostEventsHandler } from './handlers/lost-events.ts'
import { readMetrics } from './metric-list.ts'
import { MetricSet } from './metric-set.ts'
import { SeriesKeeper } from './series-keeper.ts'
import { SeriesMetrics } from './series-metrics.ts'
import { Sweeper } from './sweep.ts'

/** Flows in, metrics out: adds every batch up in the series tables of its handlers, on the thread that brings it. */
export class HubbleMetricsConnector implements Component, FlowConsumer {
  readonly mutates = false
  readonly source: MetricSource
  readonly #set: MetricSet
  readonly #dynamic: DynamicMetrics | undefined
  readonly #lost: Handler
  readonly #keeper: SeriesKeeper
  readonly #metrics: SeriesMetrics
  readonly #sweeper: Sweeper

  /** @param config already checked */
  constructor(context: CreateContext, config: HubbleMetricsConfig) {
    const ends = new Ends(context.endpoints)
    this.#keeper = new SeriesKeeper(config, ends)
    this.#metrics = new SeriesMetrics(context.telemetry, context.id)
    this.#sweeper = new Sweeper(this.#keeper, this.#metrics, config)
    const filters = { ends, nodeName: context.nodeName }
    this.#set = new MetricSet({ keeper: this.#keeper, filters, exact: config.exact }, this.#metrics)
    this.#lost = lostEventsHandler(this.#keeper.hubbleSettings({ options: new Map(), limit: undefined }))
    if (config.dynamic_config.path === '') this.#set.apply(readMetrics(config.metrics ?? DEFAULT_METRICS).entries)
    else this.#dynamic = new DynamicMetrics(config.dynamic_config, context, this.#set)
    const families = () => [...this.#set.families, ...this.#lost.families]
    this.source = { families, producer: (temporality) => new SeriesProducer(families, temporality) }
  }

  async start(): Promise<void> {
    this.#set.watch()
    for (const family of this.#lost.families) this.#metrics.watch(family)
    await this.#dynamic?.start()
    this.#sweeper.start()
  }

  consume(batch: FlowBatch): void {
    this.#set.observe(batch)
    this.#lost.observe(batch)
    this.#keeper.end()
  }

  async shutdown(): Promise<void> {
    this.#sweeper.stop()
    await this.#dynamic?.shutdown()
    this.#metrics.end()
    this.#keeper.close()
  }
}
