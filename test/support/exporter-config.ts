import { type OtlpGrpcConfig, otlpGrpcConfig } from '../../src/exporters/otlp_grpc/config.ts'
import { GrpcLink } from '../../src/exporters/otlp_grpc/link.ts'
import { GrpcMetricLink } from '../../src/exporters/otlp_grpc/metric-link.ts'
import { type OtlpHttpConfig, otlpHttpConfig } from '../../src/exporters/otlp_http/config.ts'
import { HttpLink } from '../../src/exporters/otlp_http/link.ts'
import { HttpMetricLink } from '../../src/exporters/otlp_http/metric-link.ts'
import type { MetricSource } from '../../src/metrics/source.ts'
import type { CreateContext } from '../../src/pipeline/component.ts'
import { defaultsOf } from '../../src/pipeline/config/decode.ts'
import { OtlpFlowExporter } from '../../src/pipeline/otlp/flow-exporter.ts'
import { OtlpMetricExporter } from '../../src/pipeline/otlp/metric-exporter.ts'

const SHORT = { initial_interval: 100, max_interval: 500, max_elapsed_time: 60_000 }

/** Settings of `otlp_grpc` for a backend without TLS, with short waits. */
export function otlpConfig(endpoint: string, overrides: Partial<OtlpGrpcConfig> = {}): OtlpGrpcConfig {
  const defaults = defaultsOf(otlpGrpcConfig.schema) as unknown as OtlpGrpcConfig
  const retry_on_failure = { ...defaults.retry_on_failure, ...SHORT }
  return { ...defaults, endpoint, tls: { ...defaults.tls, insecure: true }, retry_on_failure, ...overrides }
}

/** Settings of `otlp_http`, with short waits. */
export function otlpHttp(endpoint: string, overrides: Partial<OtlpHttpConfig> = {}): OtlpHttpConfig {
  const defaults = defaultsOf(otlpHttpConfig.schema) as unknown as OtlpHttpConfig
  return { ...defaults, endpoint, retry_on_failure: { ...defaults.retry_on_failure, ...SHORT }, ...overrides }
}

/** The exporter of flows over gRPC. */
export function flowExporter(context: CreateContext, config: OtlpGrpcConfig): OtlpFlowExporter {
  return new OtlpFlowExporter(context, config, () => GrpcLink.open(context, config))
}

/** The exporter of flows over HTTP. */
export function httpFlowExporter(context: CreateContext, config: OtlpHttpConfig): OtlpFlowExporter {
  return new OtlpFlowExporter(context, config, () => HttpLink.open(context, config, 'logs'))
}

/** The exporter of metrics over gRPC. */
export function metricExporter(
  context: CreateContext,
  config: OtlpGrpcConfig,
  sources: readonly MetricSource[],
): OtlpMetricExporter {
  return new OtlpMetricExporter(context, config, sources, () => GrpcMetricLink.open(context, config))
}

/** The exporter of metrics over HTTP. */
export function httpMetricExporter(
  context: CreateContext,
  config: OtlpHttpConfig,
  sources: readonly MetricSource[],
): OtlpMetricExporter {
  const connect = async () => new HttpMetricLink(await HttpLink.open(context, config, 'metrics'))
  return new OtlpMetricExporter(context, config, sources, connect)
}
