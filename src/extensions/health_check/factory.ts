import type { ExtensionFactory } from '../../pipeline/component.ts'
import { type HealthCheckConfig, healthCheckSpec } from './config.ts'
import { HealthCheck } from './extension.ts'

/** Tells over HTTP whether the service is ready. */
export const factory: ExtensionFactory<HealthCheckConfig> = {
  type: 'health_check',
  config: healthCheckSpec,
  create: async (context, config) => new HealthCheck(context, config),
}
