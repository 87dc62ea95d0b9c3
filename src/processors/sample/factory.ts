import type { ProcessorFactory } from '../../pipeline/component.ts'
import { type SampleConfig, sampleConfig } from './config.ts'
import { SampleProcessor } from './processor.ts'

export const sampleFactory: ProcessorFactory<SampleConfig> = {
  type: 'sample',
  config: sampleConfig,
  flows: async (context, config, next) => new SampleProcessor(context, config, next),
}
