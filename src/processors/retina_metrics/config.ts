import type { ConfigSpec } from '../../pipeline/component.ts'

/** Settings of the `retina_metrics` connector. Durations in milliseconds; 0 = never. */
export interface RetinaMetricsConfig {
  remote_context: boolean
  cardinality_limit: number
  total_cardinality_limit: number
  series_ttl: number
  gone_series_ttl: number
}

export const retinaMetricsConfig: ConfigSpec<RetinaMetricsConfig> = {
  schema: {
    remote_context: {
      doc: "labels of both ends (source_podname, destination_podname, …) instead of this node's pod alone, as Retina's remoteContext",
      format: Boolean,
      default: false,
    },
    cardinality_limit: {
      doc: 'most series of one metric; what does not fit goes to one series with otel_metric_overflow="true"',
      format: 'positive-int',
      default: 10_000,
    },
    total_cardinality_limit: {
      doc: 'most series of all metrics of this connector together',
      format: 'positive-int',
      default: 100_000,
    },
    series_ttl: {
      doc: 'a series unchanged for this long is removed; 0 = never',
      format: 'duration',
      default: '0s',
    },
    gone_series_ttl: {
      doc: 'series of pods that are gone are removed after this; 0 = never',
      format: 'duration',
      default: '1m',
    },
  },
}
