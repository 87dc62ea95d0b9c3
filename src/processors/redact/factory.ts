import type { ProcessorFactory } from '../../pipeline/component.ts'
import { type RedactConfig, redactConfig } from './config.ts'
import { RedactProcessor } from './processor.ts'

export const redactFactory: ProcessorFactory<RedactConfig> = {
  type: 'redact',
  config: redactConfig,
  flows: async (context, config, next) => new RedactProcessor(context, config, next),
}
