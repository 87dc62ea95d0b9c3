import type { CreateContext, ExporterFactory } from '../../pipeline/component.ts'
import type { OtlpSignal } from '../../pipeline/otlp/answer.ts'
import { OtlpFlowExporter } from '../../pipeline/otlp/flow-exporter.ts'
import { OtlpMetricExporter } from '../../pipeline/otlp/metric-exporter.ts'
import { type OtlpHttpConfig, otlpHttpConfig } from './config.ts'

export const otlpHttpFactory: ExporterFactory<OtlpHttpConfig> = {
  type: 'otlp_http',
  aliases: ['otlphttp'],
  config: otlpHttpConfig,
  countsSent: true,
  flows: async (context, config) => new OtlpFlowExporter(context, config, () => openLink(context, config, 'logs')),
  metrics: async (context, config, sources) =>
    new OtlpMetricExporter(context, config, sources, () => metricLink(context, config)),
}

/** Loaded here, when an exporter starts. */
async function openLink(context: CreateContext, config: OtlpHttpConfig, signal: OtlpSignal) {
  return (await import('./link.ts')).HttpLink.open(context, config, signal)
}

/** OpenTelemetry's encoder is for metrics alone. */
async function metricLink(context: CreateContext, config: OtlpHttpConfig) {
  const { HttpMetricLink } = await import('./metric-link.ts')
  return new HttpMetricLink(await openLink(context, config, 'metrics'))
}
