import type { ConnectorFactory } from '../../pipeline/component.ts'
import { type RetinaMetricsConfig, retinaMetricsConfig } from './config.ts'
import { RetinaMetricsConnector } from './connector.ts'

/** Flows as Retina's pod-level metrics, under Retina's names. */
export const retinaMetricsFactory: ConnectorFactory<RetinaMetricsConfig> = {
  type: 'retina_metrics',
  config: retinaMetricsConfig,
  flowsToMetrics: async (context, config) => new RetinaMetricsConnector(context, config),
}
