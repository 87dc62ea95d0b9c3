import type { ExtensionFactory } from '../../pipeline/component.ts'
import { type FileStorageConfig, fileStorageConfig } from './config.ts'
import { FileStorage } from './extension.ts'

/** Keeps the sending queues of exporters on disk. */
export const fileStorageFactory: ExtensionFactory<FileStorageConfig> = {
  type: 'file_storage',
  config: fileStorageConfig,
  create: async (context, config) => new FileStorage(context, config),
}
