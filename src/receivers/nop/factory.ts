import type { ReceiverFactory } from '../../pipeline/component.ts'
import { type NopConfig, nopConfig } from './config.ts'

/** Receives nothing: for trying out configurations. */
export const nopFactory: ReceiverFactory<NopConfig> = {
  type: 'nop',
  config: nopConfig,
  flows: async () => ({ start: async () => {}, shutdown: async () => {} }),
}
