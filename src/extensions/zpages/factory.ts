import type { ExtensionFactory } from '../../pipeline/component.ts'
import { type ZpagesConfig, zpagesConfig } from './config.ts'
import { Zpages } from './extension.ts'

/** Pages about the running service, for people. */
export const zpagesFactory: ExtensionFactory<ZpagesConfig> = {
  type: 'zpages',
  config: zpagesConfig,
  create: async (context, config, host) => new Zpages(context, config, host),
}
