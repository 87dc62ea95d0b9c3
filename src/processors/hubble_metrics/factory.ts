import type { ConnectorFactory } from '../../pipeline/component.ts'
import { type HubbleMetricsConfig, hubbleMetricsConfig } from './config.ts'
import { HubbleMetricsConnector } from './connector.ts'

export const hubbleMetricsFactory: ConnectorFactory<HubbleMetricsConfig> = {
  type: 'hubble_metrics',
  config: hubbleMetricsConfig,
  flowsToMetrics: async (context, config) => new HubbleMetricsConnector(context, config),
}
