/** Settings of every connector that keeps series: how many, and how long. */
export interface SeriesLimits {
  cardinality_limit: number
  total_cardinality_limit: number
  /** Milliseconds; 0 = never. */
  series_ttl: number
  /** Milliseconds; 0 = never. */
  gone_series_ttl: number
}

/** Their convict schema. */
export const seriesLimits = {
  cardinality_limit: {
    doc: 'most series of one metric; what does not fit goes to one series with otel_metric_overflow="true"',
    format: 'positive-int',
    default: 10_000,
  },
  total_cardinality_limit: {
    doc: 'most series of all metrics of this connector together; what does not fit goes to the overflow series of its metric',
    format: 'positive-int',
    default: 100_000,
  },
  series_ttl: {
    doc: 'a series unchanged for this long is removed; 0 = never',
    format: 'duration',
    default: '0s',
  },
  gone_series_ttl: {
    doc: 'series of pods, workloads and other ends that are gone are removed after this; 0 = never',
    format: 'duration',
    default: '1m',
  },
}
