import type { ConfigSpec } from '../../pipeline/component.ts'

export type Verbosity = 'basic' | 'normal' | 'detailed'
export type ColorMode = 'auto' | 'always' | 'never'

/** Settings of the `debug` exporter. */
export interface DebugConfig {
  verbosity: Verbosity
  color: ColorMode
  /** Most flows shown per second; 0 = all. */
  flows_per_second: number
  output: 'stdout' | 'stderr'
}

export const debugConfig: ConfigSpec<DebugConfig> = {
  schema: {
    verbosity: {
      doc: 'basic: one line of counts a second; normal: a line per flow as `hubble observe`; detailed: every column',
      format: ['basic', 'normal', 'detailed'],
      default: 'normal',
    },
    color: {
      doc: 'auto: on a terminal, unless the environment has NO_COLOR',
      format: ['auto', 'always', 'never'],
      default: 'auto',
    },
    flows_per_second: { doc: 'most flows shown per second; 0 = all', format: 'nat', default: 100 },
    output: { doc: 'where to write', format: ['stdout', 'stderr'], default: 'stdout' },
  },
}
