import type { ProcessorFactory } from '../../pipeline/component.ts'
import { type MemoryLimiterConfig, memoryLimiterConfig } from './config.ts'
import { MemoryLimiterProcessor } from './processor.ts'

/** Keeps the process from being killed for its memory. */
export const memoryLimiterFactory: ProcessorFactory<MemoryLimiterConfig> = {
  type: 'memory_limiter',
  config: memoryLimiterConfig,
  flows: async (context, config, next) => new MemoryLimiterProcessor(context, config, next),
}
