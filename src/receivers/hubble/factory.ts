import type { ReceiverFactory } from '../../pipeline/component.ts'
import { type HubbleReceiverConfig, hubbleReceiverConfig } from './config.ts'
import { HubbleReceiver } from './receiver.ts'

export const hubbleReceiverFactory: ReceiverFactory<HubbleReceiverConfig> = {
  type: 'hubble',
  config: hubbleReceiverConfig,
  flows: async (context, config, next) => new HubbleReceiver(context, config, next),
}
