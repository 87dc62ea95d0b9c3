import type { CreateContext, ExporterFactory } from '../../pipeline/component.ts'
import { OtlpFlowExporter } from '../../pipeline/otlp/flow-exporter.ts'
import { OtlpMetricExporter } from '../../pipeline/otlp/metric-exporter.ts'
import { type OtlpGrpcConfig, otlpGrpcConfig } from './config.ts'

export const otlpGrpcFactory: ExporterFactory<OtlpGrpcConfig> = {
  type: 'otlp_grpc',
  aliases: ['otlp'],
  config: otlpGrpcConfig,
  countsSent: true,
  flows: async (context, config) => new OtlpFlowExporter(context, config, () => flowLink(context, config)),
  metrics: async (context, config, sources) =>
    new OtlpMetricExporter(context, config, sources, () => metricLink(context, config)),
}

/** gRPC and OpenTelemetry's packages are loaded here, when an exporter starts. */
async function flowLink(context: CreateContext, config: OtlpGrpcConfig) {
  return (await import('./link.ts')).GrpcLink.open(context, config)
}

async function metricLink(context: CreateContext, config: OtlpGrpcConfig) {
  return (await import('./metric-link.ts')).GrpcMetricLink.open(context, config)
}
