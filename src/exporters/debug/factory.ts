import type { ExporterFactory } from '../../pipeline/component.ts'
import { type DebugConfig, debugConfig } from './config.ts'
import { DebugExporter } from './exporter.ts'
import { TextOutput } from './text-output.ts'

export const debugFactory: ExporterFactory<DebugConfig> = {
  type: 'debug',
  config: debugConfig,
  flows: async (context, config) => {
    const stream = process[config.output]
    const colored = config.color === 'always' || (config.color === 'auto' && stream.isTTY && !process.env.NO_COLOR)
    return new DebugExporter(context, config, new TextOutput(stream.fd), colored)
  },
}
