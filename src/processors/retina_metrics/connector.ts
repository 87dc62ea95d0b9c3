import type { FlowBatch } from '../../flow/batch.ts'
import { Ends } from '../../flow/ends.ts'
import { SeriesProducer } from '../../metrics/producer.ts'
import type { MetricSource } from '../../metrics/source.ts'
import type { Component, CreateContext, FlowConsumer } from '../../pipeline/component.ts'
import type { Handler } from '../hubble_metrics/handlers/handler.ts'
import { SeriesKeeper } from '../hubble_metrics/series-keeper.ts'
import { SeriesMetrics } from '../hubble_metrics/series-metrics.ts'
import { Sweeper } from '../hubble_metrics/sweep.ts'
import { apiserverHandler } from './apiserver.ts'
import type { RetinaMetricsConfig } from './config.ts'
import { dnsHandler } from './dns.ts'
import { dropHandler } from './drop.ts'
import { forwardHandler } from './forward.ts'
import { PodSides } from './pod-sides.ts'
import { tcpHandler } from './tcp.ts'

/** Flows in, Retina's pod-level metrics out. */
export class RetinaMetricsConnector implements Component, FlowConsumer {
  readonly mutates = false
  readonly source: MetricSource
  readonly #handlers: readonly Handler[]
  readonly #keeper: SeriesKeeper
  readonly #metrics: SeriesMetrics
  readonly #sweeper: Sweeper

  /** @param config already checked */
  constructor(context: CreateContext, config: RetinaMetricsConfig) {
    const limits = { ...config, ends: 'none', ends_dns: false } as const
    this.#keeper = new SeriesKeeper(limits, new Ends(context.endpoints))
    this.#metrics = new SeriesMetrics(context.telemetry, context.id)
    this.#sweeper = new Sweeper(this.#keeper, this.#metrics, limits)
    const sides = new PodSides(this.#keeper, config.remote_context, context.nodeName)
    const node = this.#keeper.exactSettings({ options: new Map(), limit: undefined })
    const makers = [forwardHandler, dropHandler, tcpHandler, dnsHandler, apiserverHandler]
    this.#handlers = makers.map((make) => make({ node, sides }))
    const families = this.#handlers.flatMap((handler) => handler.families)
    this.source = {
      families: () => families,
      producer: (temporality) => new SeriesProducer(() => families, temporality),
    }
  }

  start(): Promise<void> {
    for (const family of this.source.families()) this.#metrics.watch(family)
    this.#sweeper.start()
    return Promise.resolve()
  }

  consume(batch: FlowBatch): void {
    for (const handler of this.#handlers) handler.observe(batch)
    this.#keeper.end()
  }

  shutdown(): Promise<void> {
    this.#sweeper.stop()
    this.#metrics.end()
    this.#keeper.close()
    return Promise.resolve()
  }
}
