import type { ProcessorFactory } from '../../pipeline/component.ts'
import { type KubernetesConfig, kubernetesConfig } from './config.ts'
import { KubernetesProcessor } from './processor.ts'

export const kubernetesFactory: ProcessorFactory<KubernetesConfig> = {
  type: 'kubernetes',
  config: kubernetesConfig,
  flows: async (context, config, next) => new KubernetesProcessor(context, config, next),
}
