import type { FlowBatch } from '../../../flow/batch.ts'
import type { SharedLabels } from '../../../metrics/series-cache.ts'

/**
 * What a metric says of the ends of flows: Hubble's contexts, or the labels of the exact series. Answers for a row with a
 * number that stands for all of these labels; one engine is shared by the metrics that ask for the same.
 */
export interface EndLabels extends SharedLabels {
  /** Names of the labels, appended to those of the metric by `HandlerSettings.family`. */
  readonly names: readonly string[]
  /** To be called before rows of a batch are asked for, and before `SeriesCache.refresh`; costs nothing when repeated. */
  begin(batch: FlowBatch): void
  /** Number of the labels of a row of that batch; below 2^32 − 1, valid while `generation` stays, which only `begin` changes. */
  id(row: number): number
}

/** For metrics that say nothing of the ends. */
export const NO_ENDS: EndLabels = {
  names: [],
  generation: 0,
  begin: () => {},
  id: () => 0,
  values: () => [],
}
