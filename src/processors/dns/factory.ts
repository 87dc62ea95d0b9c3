import type { ProcessorFactory } from '../../pipeline/component.ts'
import { type DnsConfig, dnsConfig } from './config.ts'
import { DnsProcessor } from './processor.ts'

export const dnsFactory: ProcessorFactory<DnsConfig> = {
  type: 'dns',
  config: dnsConfig,
  flows: async (context, config, next) => new DnsProcessor(context, config, next),
}
