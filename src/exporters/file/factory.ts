import type { ExporterFactory } from '../../pipeline/component.ts'
import { type FileConfig, fileConfig } from './config.ts'
import { FileExporter } from './exporter.ts'

export const fileFactory: ExporterFactory<FileConfig> = {
  type: 'file',
  countsSent: true,
  config: fileConfig,
  flows: async (context, config) => new FileExporter(context, config),
}
