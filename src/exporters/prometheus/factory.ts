import type { ExporterFactory } from '../../pipeline/component.ts'
import { type PrometheusConfig, prometheusConfig } from './config.ts'
import { PrometheusExporter } from './exporter.ts'

export const prometheusFactory: ExporterFactory<PrometheusConfig> = {
  type: 'prometheus',
  config: prometheusConfig,
  metrics: async (context, config, sources) => new PrometheusExporter(context, config, sources),
}
