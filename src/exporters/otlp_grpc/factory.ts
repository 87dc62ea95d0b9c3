import type { ExporterFactory } from '../../pipeline/component.ts'
import { type OtlpGrpcConfig, otlpGrpcConfig } from './config.ts'
import { OtlpFlowExporter } from './flows.ts'
import { OtlpMetricExporter } from './metrics.ts'

export const otlpGrpcFactory: ExporterFactory<OtlpGrpcConfig> = {
  type: 'otlp_grpc',
  aliases: ['otlp'],
  config: otlpGrpcConfig,
  countsSent: true,
  flows: async (context, config) => new OtlpFlowExporter(context, config),
  metrics: async (context, config, sources) => new OtlpMetricExporter(context, config, sources),
}
