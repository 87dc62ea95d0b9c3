import type { ReceiverFactory } from '../../pipeline/component.ts'
import { type EbpfConfig, ebpfConfig } from './config.ts'
import { EbpfReceiver } from './receiver.ts'

/** Flows of this machine's kernel, by eBPF (Linux 5.8 and newer). */
export const factory: ReceiverFactory<EbpfConfig> = {
  type: 'ebpf',
  config: ebpfConfig,
  flows: async (context, config, next) => new EbpfReceiver(context, config, next),
}
