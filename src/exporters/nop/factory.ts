import type { ExporterFactory } from '../../pipeline/component.ts'
import { type NopConfig, nopConfig } from './config.ts'

/** Takes everything and drops it: for trying out configurations and measuring what comes before it. */
export const nopFactory: ExporterFactory<NopConfig> = {
  type: 'nop',
  config: nopConfig,
  flows: async () => ({ start: async () => {}, shutdown: async () => {}, mutates: false, consume: () => {} }),
  metrics: async () => ({ start: async () => {}, shutdown: async () => {} }),
}
