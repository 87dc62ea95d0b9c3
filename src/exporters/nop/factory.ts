import type { ExporterFactory } from '../../pipeline/component.ts'
import { type NopConfig, nopSpec } from './config.ts'

/** Takes everything and drops it: for trying out configurations and measuring what comes before it. */
export const factory: ExporterFactory<NopConfig> = {
  type: 'nop',
  config: nopSpec,
  flows: async () => ({ start: async () => {}, shutdown: async () => {}, mutates: false, consume: () => {} }),
  metrics: async () => ({ start: async () => {}, shutdown: async () => {} }),
}
