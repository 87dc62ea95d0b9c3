import type { ConfigSpec } from '../../pipeline/component.ts'
import { type SeriesLimits, seriesLimits } from '../hubble_metrics/series-limits.ts'

/** Settings of the `retina_metrics` connector. */
export interface RetinaMetricsConfig extends SeriesLimits {
  remote_context: boolean
}

export const retinaMetricsConfig: ConfigSpec<RetinaMetricsConfig> = {
  schema: {
    remote_context: {
      doc: "labels of both ends (source_podname, destination_podname, …) instead of this node's pod alone, as Retina's remoteContext",
      format: Boolean,
      default: false,
    },
    ...seriesLimits,
  },
}
