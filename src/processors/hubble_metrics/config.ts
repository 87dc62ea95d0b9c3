import type { ConfigSpec } from '../../pipeline/component.ts'
import { readMetrics } from './metric-list.ts'

export interface HubbleMetricsConfig {
  /** As written: see `readMetrics`. */
  metrics: unknown[]
  exact: boolean
  cardinality_limit: number
  /** Milliseconds; 0 = never. */
  series_ttl: number
}

export const hubbleMetricsConfig: ConfigSpec<HubbleMetricsConfig> = {
  schema: {
    metrics: {
      doc: "what is counted: Hubble's names, each with options as in Hubble (dns:query) or as a map ({name: dns, query: true})",
      format: 'array',
      default: ['dns', 'drop', 'tcp', 'flow', 'icmp', 'port-distribution'],
    },
    exact: {
      doc: "the exact series beside Hubble's: packets, bytes, RTT, connect time, DNS latency, retransmits, resets, drops",
      format: Boolean,
      default: true,
    },
    cardinality_limit: {
      doc: 'most series of one metric; what does not fit goes to one series with otel_metric_overflow="true"',
      format: 'positive-int',
      default: 2_000,
    },
    series_ttl: {
      doc: 'a series unchanged for this long is removed; 0 = never',
      format: 'duration',
      default: '0s',
    },
  },
  check: (config) => readMetrics(config.metrics).problems,
}
