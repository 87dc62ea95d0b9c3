import type { SeriesConfig } from './series-keeper.ts'

/** Bounds of the time between two looks for series that are over. */
const MIN_SWEEP_MS = 10
const MAX_SWEEP_MS = 10_000

/** Often enough that no series outlives its time by much. */
export function sweepMs({ series_ttl: idleMs, gone_series_ttl: goneMs }: SeriesConfig): number {
  const shortest = Math.min(idleMs || Number.POSITIVE_INFINITY, goneMs || Number.POSITIVE_INFINITY)
  return Math.min(Math.max(shortest / 4, MIN_SWEEP_MS), MAX_SWEEP_MS)
}
