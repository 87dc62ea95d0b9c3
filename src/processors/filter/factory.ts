import type { ProcessorFactory } from '../../pipeline/component.ts'
import { type FilterConfig, filterConfig } from './config.ts'
import { FilterProcessor } from './filter.ts'

export const filterFactory: ProcessorFactory<FilterConfig> = {
  type: 'filter',
  config: filterConfig,
  flows: async (context, config, next) => new FilterProcessor(context, config, next),
}
