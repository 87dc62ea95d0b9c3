import { type FileStorageConfig, fileStorageConfig } from '../../src/extensions/file_storage/config.ts'
import { defaultsOf } from '../../src/pipeline/config/decode.ts'

/** Settings of a `file_storage`, the others being the defaults, without waiting for another agent. */
export function fileStorage(directory: string, settings: Partial<FileStorageConfig> = {}): FileStorageConfig {
  const defaults = defaultsOf(fileStorageConfig.schema as never) as unknown as FileStorageConfig
  return { ...defaults, directory, timeout: 0, ...settings }
}
