import type { ReceiverFactory } from '../../pipeline/component.ts'
import { type NopConfig, nopSpec } from './config.ts'

/** Receives nothing: for trying out configurations. */
export const factory: ReceiverFactory<NopConfig> = {
  type: 'nop',
  config: nopSpec,
  flows: async () => ({ start: async () => {}, shutdown: async () => {} }),
}
