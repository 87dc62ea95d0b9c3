import { setImmediate } from 'node:timers/promises'
import type { SeriesConfig, SeriesKeeper } from './series-keeper.ts'
import type { SeriesMetrics } from './series-metrics.ts'

/** Bounds of the time between two looks for series that are over. */
const MIN_SWEEP_MS = 10
const MAX_SWEEP_MS = 10_000

/** Removes series that are over from time to time, in steps between which other work runs. */
export class Sweeper {
  readonly #keeper: SeriesKeeper
  readonly #metrics: SeriesMetrics
  readonly #intervalMs: number
  #timer: NodeJS.Timeout | undefined
  #sweeping = false

  constructor(keeper: SeriesKeeper, metrics: SeriesMetrics, config: SeriesConfig) {
    this.#keeper = keeper
    this.#metrics = metrics
    this.#intervalMs = sweepMs(config)
  }

  start(): void {
    this.#timer = setInterval(() => void this.#sweep(), this.#intervalMs).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  /** One at a time. */
  async #sweep(): Promise<void> {
    if (this.#sweeping) return
    this.#sweeping = true
    for (const removed of this.#keeper.sweep()) {
      this.#metrics.removed(removed)
      await setImmediate()
      if (this.#timer === undefined) break
    }
    this.#sweeping = false
  }
}

/** Often enough that no series outlives its time by much. */
function sweepMs({ series_ttl: idleMs, gone_series_ttl: goneMs }: SeriesConfig): number {
  const shortest = Math.min(idleMs || Number.POSITIVE_INFINITY, goneMs || Number.POSITIVE_INFINITY)
  return Math.min(Math.max(shortest / 4, MIN_SWEEP_MS), MAX_SWEEP_MS)
}
