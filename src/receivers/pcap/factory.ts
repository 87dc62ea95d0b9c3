import type { ReceiverFactory } from '../../pipeline/component.ts'
import { type PcapConfig, pcapConfig } from './config.ts'
import { PcapReceiver } from './receiver.ts'

export const pcapFactory: ReceiverFactory<PcapConfig> = {
  type: 'pcap',
  config: pcapConfig,
  flows: async (context, config, next) => new PcapReceiver(context, config, next),
}
