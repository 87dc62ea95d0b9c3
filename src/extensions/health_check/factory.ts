import type { ExtensionFactory } from '../../pipeline/component.ts'
import { type HealthCheckConfig, healthCheckConfig } from './config.ts'
import { HealthCheck } from './extension.ts'

/** Tells over HTTP whether the service is ready. */
export const healthCheckFactory: ExtensionFactory<HealthCheckConfig> = {
  type: 'health_check',
  config: healthCheckConfig,
  create: async (context, config) => new HealthCheck(context, config),
}
