import type { ConfigSpec } from '../../pipeline/component.ts'

/** Settings of the `sample` processor. */
export interface SampleConfig {
  one_in: number
  seed: number
  keep_drops: boolean
  keep_dns_errors: boolean
  keep_tcp_resets: boolean
}

export const sampleConfig: ConfigSpec<SampleConfig> = {
  schema: {
    one_in: { doc: 'one in so many connections is kept; 1 = all', format: 'positive-int', default: 1 },
    seed: { doc: 'agents with the same seed keep the same connections', format: 'nat', default: 0 },
    keep_drops: { doc: 'keep every drop', format: Boolean, default: true },
    keep_dns_errors: { doc: 'keep every DNS answer with an error', format: Boolean, default: true },
    keep_tcp_resets: { doc: 'keep every flow with a TCP reset', format: Boolean, default: true },
  },
}
