import { AsyncLocalStorage } from 'node:async_hooks'
import { type DiagLogger, DiagLogLevel, diag } from '@opentelemetry/api'
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-grpc'
import { CompressionAlgorithm } from '@opentelemetry/otlp-exporter-base'
import type { ResourceMetrics } from '@opentelemetry/sdk-metrics'
import type { CreateContext } from '../../pipeline/component.ts'
import { type Answer, TAKEN } from '../../pipeline/otlp/answer.ts'
import { channelCredentials, exporterUrl, requestMetadata } from '../../pipeline/otlp/grpc-credentials.ts'
import type { MetricLink } from '../../pipeline/otlp/metric-exporter.ts'
import { userAgent } from '../../pipeline/otlp/user-agent.ts'
import { reloadEvents } from '../../pipeline/settings/server-reports.ts'
import type { OtlpGrpcConfig } from './config.ts'
import { failureOf } from './failure.ts'

const PARTIAL_SUCCESS = 'Received Partial Success response:'

/** What the backend did not keep of the request that is under way. */
interface Partial {
  answer: Answer
}

/** OpenTelemetry's exporter tells of partial success in its process-wide log alone; this says of which request. */
const underWay = new AsyncLocalStorage<Partial>()

/** Metrics over gRPC by OpenTelemetry's own exporter. */
export class GrpcMetricLink implements MetricLink {
  readonly #exporter: OTLPMetricExporter

  private constructor(exporter: OTLPMetricExporter) {
    this.#exporter = exporter
  }

  /** @throws Error that names the file at fault */
  static async open(context: CreateContext, config: OtlpGrpcConfig): Promise<GrpcMetricLink> {
    listen(context)
    return new GrpcMetricLink(
      new OTLPMetricExporter({
        url: exporterUrl(config.endpoint),
        credentials: await channelCredentials(config, reloadEvents(context)),
        metadata: requestMetadata(config.headers),
        compression: config.compression === 'gzip' ? CompressionAlgorithm.GZIP : CompressionAlgorithm.NONE,
        timeoutMillis: config.timeout,
        userAgent: userAgent(context.resource),
      }),
    )
  }

  send(metrics: ResourceMetrics): Promise<Answer> {
    const partial: Partial = { answer: TAKEN }
    return new Promise((resolve) => {
      underWay.run(partial, () => {
        this.#exporter.export(metrics, ({ code, error }) =>
          resolve(code === 0 ? partial.answer : failureOf(error ?? new Error('export failed'))),
        )
      })
    })
  }

  close(): void {
    void this.#exporter.shutdown()
  }
}

/** Takes what OpenTelemetry's packages say of themselves; all but partial success is told and counted by `Delivery`. */
function listen({ log }: CreateContext): void {
  const debug = (message: string, ...details: unknown[]) => log.debug({ details }, message)
  const warn = (message: string, ...details: unknown[]) => {
    const partial = underWay.getStore()
    if (message !== PARTIAL_SUCCESS || partial === undefined) return debug(message, ...details)
    partial.answer = readPartial(String(details[0]))
  }
  const logger: DiagLogger = { error: debug, warn, info: debug, debug, verbose: debug }
  diag.setLogger(logger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true })
}

/** @param json of `ExportMetricsPartialSuccess` */
function readPartial(json: string): Answer {
  const { rejectedDataPoints = 0, errorMessage = '' } = JSON.parse(json) as Record<string, string | number | undefined>
  return { outcome: 'taken', rejected: Number(rejectedDataPoints), message: String(errorMessage) }
}
