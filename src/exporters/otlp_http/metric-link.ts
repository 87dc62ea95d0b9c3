import { ProtobufMetricsSerializer } from '@opentelemetry/otlp-transformer'
import type { ResourceMetrics } from '@opentelemetry/sdk-metrics'
import type { Answer } from '../../pipeline/otlp/answer.ts'
import type { MetricLink } from '../../pipeline/otlp/metric-exporter.ts'
import type { HttpLink } from './link.ts'

/**
 * Metrics over HTTP, encoded by OpenTelemetry. Its own exporter tries again by itself, within the time of one attempt and
 * not as configured, and does not tell what the server asked for; so requests take the way of the flows.
 */
export class HttpMetricLink implements MetricLink {
  readonly #link: HttpLink

  constructor(link: HttpLink) {
    this.#link = link
  }

  send(metrics: ResourceMetrics): Promise<Answer> {
    const request = ProtobufMetricsSerializer.serializeRequest(metrics)
    if (request === undefined) {
      return Promise.resolve({ outcome: 'failed', error: new Error('metrics cannot be encoded'), passing: false })
    }
    return this.#link.send('metrics', request)
  }

  close(): void {
    this.#link.close()
  }
}
