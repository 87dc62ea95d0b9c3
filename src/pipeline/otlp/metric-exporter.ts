import type {
  CollectionResult,
  MeterProvider,
  MetricCollectOptions,
  MetricProducer,
  ResourceMetrics,
} from '@opentelemetry/sdk-metrics'
import type { MetricSource } from '../../metrics/source.ts'
import type { Component, CreateContext } from '../component.ts'
import { before } from '../deadline.ts'
import type { Answer } from './answer.ts'
import { pointCounters } from './counters.ts'
import { Delivery } from './delivery.ts'
import { metricParts, pointsOf } from './metric-parts.ts'
import type { OtlpConfig } from './settings.ts'

/** A way to one backend for metrics as OpenTelemetry's SDK has them. */
export interface MetricLink {
  /** One attempt; never rejects. */
  send(metrics: ResourceMetrics): Promise<Answer>
  /** Ends attempts that are under way. */
  close(): void
}

/** What `start` makes. */
interface Machinery {
  link: MetricLink
  delivery: Delivery<ResourceMetrics>
  provider: MeterProvider
}

/** `ExportResultCode` of @opentelemetry/core. */
const SUCCESS = 0
const FAILED = 1

/** Metrics of all sources to an OTLP backend, at an interval and once more at the end. */
export class OtlpMetricExporter implements Component {
  readonly #context: CreateContext
  readonly #config: OtlpConfig
  readonly #sources: readonly MetricSource[]
  readonly #connect: () => Promise<MetricLink>
  #machinery: Machinery | undefined
  /** Ends with the export that is under way. */
  #exporting: Promise<unknown> = Promise.resolve()

  /** @param connect opens the way to the backend, when the exporter starts */
  constructor(
    context: CreateContext,
    config: OtlpConfig,
    sources: readonly MetricSource[],
    connect: () => Promise<MetricLink>,
  ) {
    this.#context = context
    this.#config = config
    this.#sources = sources
    this.#connect = connect
  }

  async start(): Promise<void> {
    const { MeterProvider, PeriodicExportingMetricReader } = await import('@opentelemetry/sdk-metrics')
    const { observerResource } = await import('./resource.ts')
    const { retry_on_failure, metrics } = this.#config
    const producers = this.#sources.map((source) => source.producer(metrics.temporality))
    const link = await this.#connect()
    const delivery = new Delivery<ResourceMetrics>(this.#context, {
      attempt: (data) => link.send(data),
      retry: { ...retry_on_failure, max_elapsed_time: this.#patienceMs },
      counters: pointCounters(this.#context),
    })
    const undo = () => {
      for (const producer of producers) if ('undo' in producer) producer.undo()
    }
    const reader = new PeriodicExportingMetricReader({
      exporter: {
        export: (data, done) => {
          const exporting = this.#export(delivery, data, undo)
          this.#exporting = exporting
          void exporting.then((code) => done({ code }))
        },
        forceFlush: () => Promise.resolve(),
        shutdown: () => Promise.resolve(),
      },
      exportIntervalMillis: metrics.interval,
      exportTimeoutMillis: metrics.interval,
      metricProducers: producers.map((producer) => ({ collect: (options) => this.#collect(producer, options) })),
    })
    const provider = new MeterProvider({ resource: observerResource(this.#context.resource), readers: [reader] })
    this.#machinery = { link, delivery, provider }
  }

  async shutdown(deadlineMs: number): Promise<void> {
    const machinery = this.#machinery
    this.#machinery = undefined
    if (machinery === undefined) return
    machinery.delivery.stopRetrying()
    await before(deadlineMs, machinery.provider.shutdown())
    machinery.link.close()
  }

  /**
   * Waits for the export before, which the reader gives up when it takes as long as the interval: until its end nobody knows
   * which deltas arrived.
   */
  async #collect(producer: MetricProducer, options?: MetricCollectOptions): Promise<CollectionResult> {
    await this.#exporting
    const { resourceMetrics, errors } = await producer.collect(options)
    const version = this.#context.resource['service.version'] ?? ''
    const scopeMetrics = resourceMetrics.scopeMetrics.map((one) => ({ ...one, scope: { ...one.scope, version } }))
    return { resourceMetrics: { ...resourceMetrics, scopeMetrics }, errors }
  }

  /**
   * In requests one after the other, which share the time that there is until the next export. Deltas are taken back when
   * none of them arrived; else those of the rest are lost, as backends cannot tell a repetition. @returns an `ExportResultCode`
   */
  async #export(delivery: Delivery<ResourceMetrics>, data: ResourceMetrics, undo: () => void): Promise<number> {
    const startMs = performance.now()
    let [taken, lost] = [0, 0]
    for (const part of metricParts(data)) {
      const points = pointsOf(part)
      const isTime = performance.now() - startMs < this.#patienceMs
      const fate = isTime ? await delivery.deliver(part, points, startMs) : 'interrupted'
      if (fate === 'interrupted') pointCounters(this.#context).failed.add(points)
      if (fate === 'taken') taken++
      else lost++
    }
    if (lost === 0) return SUCCESS
    if (taken === 0) undo()
    return FAILED
  }

  /** The next export brings newer values: one has been delivered or given up by then. */
  get #patienceMs(): number {
    const { metrics, timeout } = this.#config
    return Math.max(1, metrics.interval - timeout)
  }
}
