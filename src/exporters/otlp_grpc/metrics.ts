import type { MeterProvider, ResourceMetrics } from '@opentelemetry/sdk-metrics'
import type { MetricSource } from '../../metrics/source.ts'
import type { Component, CreateContext } from '../../pipeline/component.ts'
import { before } from '../../pipeline/deadline.ts'
import { reloadEvents } from '../../pipeline/settings/server-reports.ts'
import type { OtlpGrpcConfig } from './config.ts'
import { userAgent } from './flows.ts'
import type { Sender } from './sender.ts'

/** Metrics of all sources to an OTLP backend, at an interval and once more at the end. */
export class OtlpMetricExporter implements Component {
  readonly #context: CreateContext
  readonly #config: OtlpGrpcConfig
  readonly #sources: readonly MetricSource[]
  #provider: MeterProvider | undefined
  #sender: Sender<ResourceMetrics> | undefined

  constructor(context: CreateContext, config: OtlpGrpcConfig, sources: readonly MetricSource[]) {
    this.#context = context
    this.#config = config
    this.#sources = sources
  }

  async start(): Promise<void> {
    const { OTLPMetricExporter } = await import('@opentelemetry/exporter-metrics-otlp-grpc')
    const { MeterProvider, PeriodicExportingMetricReader } = await import('@opentelemetry/sdk-metrics')
    const { clientSettings } = await import('./client.ts')
    const { observerResource } = await import('./resource.ts')
    const { takeDiagnostics } = await import('./diagnostics.ts')
    const { Sender } = await import('./sender.ts')
    takeDiagnostics(this.#context.log)
    const { interval, temporality } = this.#config.metrics
    const producers = this.#sources.map((source) => source.producer(temporality))
    const sender = new Sender(this.#context, {
      exporter: new OTLPMetricExporter(
        await clientSettings(this.#config, userAgent(this.#context), reloadEvents(this.#context)),
      ),
      // The next export brings newer values: this one has been delivered or given up by then.
      retry: { ...this.#config.retry_on_failure, max_elapsed_time: Math.max(1, interval - this.#config.timeout) },
      count: pointsOf,
      gaveUp: () => {
        for (const producer of producers) if ('undo' in producer) producer.undo()
      },
      ...this.#counters(),
    })
    const reader = new PeriodicExportingMetricReader({
      exporter: sender,
      exportIntervalMillis: interval,
      exportTimeoutMillis: interval,
      metricProducers: producers,
    })
    this.#sender = sender
    this.#provider = new MeterProvider({ resource: observerResource(this.#context.resource), readers: [reader] })
  }

  async shutdown(deadlineMs: number): Promise<void> {
    const provider = this.#provider
    this.#provider = undefined
    this.#sender?.stopRetrying()
    if (provider !== undefined) await before(deadlineMs, provider.shutdown())
  }

  #counters() {
    const { telemetry, id } = this.#context
    const labels = { exporter: id }
    const failed = 'Metric points that could not be delivered.'
    return {
      sent: telemetry.counter('otelcol_exporter_sent_metric_points', 'Metric points delivered.', labels),
      failed: telemetry.counter('otelcol_exporter_send_failed_metric_points', failed, labels),
    }
  }
}

function pointsOf({ scopeMetrics }: ResourceMetrics): number {
  let points = 0
  for (const { metrics } of scopeMetrics) for (const { dataPoints } of metrics) points += dataPoints.length
  return points
}
