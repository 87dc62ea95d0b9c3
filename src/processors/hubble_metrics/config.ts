import type { ConfigSpec, Problem } from '../../pipeline/component.ts'
import { END_LEVELS, type EndLevel } from './contexts/exact-labels.ts'
import { readMetrics } from './metric-list.ts'
import { type SeriesLimits, seriesLimits } from './series-limits.ts'

/** What is counted where neither `metrics` nor a file says it. */
export const DEFAULT_METRICS: readonly unknown[] = ['dns', 'drop', 'tcp', 'flow', 'icmp', 'port-distribution']

export interface HubbleMetricsConfig extends SeriesLimits {
  /** As written: see `readMetrics`. Undefined = nothing is written: `DEFAULT_METRICS`, or what the file lists. */
  metrics: unknown[] | undefined
  /** A path of `''`: none; the interval in milliseconds. */
  dynamic_config: { path: string; interval: number }
  exact: boolean
  /** How much the exact series say of both ends. */
  ends: EndLevel
  ends_dns: boolean
}

export const hubbleMetricsConfig: ConfigSpec<HubbleMetricsConfig> = {
  schema: {
    metrics: {
      doc: "what is counted: Hubble's names, each with options as in Hubble (dns:query) or as a map ({name: dns, query: true}); without it dns, drop, tcp, flow, icmp, port-distribution",
      format: 'array',
      default: undefined,
    },
    dynamic_config: {
      path: {
        doc: "file in YAML that lists the metrics instead, in the words of Hubble's dynamic metrics, and may change while this runs; empty: none",
        format: String,
        default: '',
      },
      interval: { doc: 'how often that file is read', format: 'positive-duration', default: '10s' },
    },
    exact: {
      doc: "the exact series beside Hubble's: packets, bytes, RTT, connect time, DNS latency, retransmits, resets, drops",
      format: Boolean,
      default: true,
    },
    ends: {
      doc: 'how much the exact series say of source and destination: none, namespace, workload or pod',
      format: [...END_LEVELS],
      default: 'workload',
    },
    ends_dns: {
      doc: 'the exact series also say the DNS names of source and destination',
      format: Boolean,
      default: false,
    },
    ...seriesLimits,
  },
  check: checkMetrics,
}

function checkMetrics({ metrics, dynamic_config }: HubbleMetricsConfig): Problem[] {
  if (metrics === undefined) return []
  if (dynamic_config.path === '') return readMetrics(metrics).problems
  return [
    { path: ['metrics'], message: 'cannot configure both static and dynamic Hubble metrics: leave one of them out' },
  ]
}
