import type { ExporterFactory } from '../../pipeline/component.ts'
import { type HubbleConfig, hubbleConfig } from './config.ts'
import { HubbleExporter } from './exporter.ts'

export const hubbleFactory: ExporterFactory<HubbleConfig> = {
  type: 'hubble',
  config: hubbleConfig,
  flows: async (context, config) => new HubbleExporter(context, config),
}
