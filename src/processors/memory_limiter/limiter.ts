import type { Logger } from 'pino'
import type { Status } from '../../pipeline/component.ts'
import type { MemoryLimiterConfig } from './config.ts'
import type { Memory } from './memory.ts'

export const REFUSED = 'data refused due to high memory usage'

const MIB = 1_048_576

/** A forced collection that frees less than this share was in vain: the next one waits longer. */
const WORTH_FREEING = 0.05

/** The two limits in bytes, as the Collector derives them: 20 % of the limit where no spike limit is set. */
export function limitsOf(config: MemoryLimiterConfig, totalBytes: number): { hardBytes: number; softBytes: number } {
  const percent = (share: number) => Math.floor((share * totalBytes) / 100)
  const inMiB = config.limit_mib > 0
  const hardBytes = inMiB ? config.limit_mib * MIB : percent(config.limit_percentage)
  const spike = inMiB ? config.spike_limit_mib * MIB : percent(config.spike_limit_percentage)
  return { hardBytes, softBytes: hardBytes - (spike > 0 ? spike : Math.floor(hardBytes / 5)) }
}

export interface LimiterOptions {
  memory: Memory
  log: Logger
  report(status: Status): void
  clock?: () => number
}

/** Decides, check by check, whether data is refused: `internal/memorylimiter` of the Collector. */
export class MemoryLimiter {
  readonly limits: { readonly hardBytes: number; readonly softBytes: number }
  /** Bytes in use at the last check. */
  usedBytes = 0
  #refusing = false
  #config: MemoryLimiterConfig
  #options: LimiterOptions
  #clock: () => number
  #lastCollectionMs = Number.NEGATIVE_INFINITY
  /** How much longer than the least the collection interval is by now. */
  #patience = 1

  constructor(config: MemoryLimiterConfig, options: LimiterOptions) {
    this.#config = config
    this.#options = options
    this.#clock = options.clock ?? Date.now
    this.limits = limitsOf(config, options.memory.totalBytes())
  }

  get refusing(): boolean {
    return this.#refusing
  }

  /** Measures, collects garbage where that may help, and decides. */
  async check(): Promise<void> {
    this.usedBytes = await this.#options.memory.usedBytes()
    if (this.usedBytes > this.limits.softBytes) await this.#collectIfDue()
    this.#decide(this.usedBytes > this.limits.softBytes)
  }

  async #collectIfDue(): Promise<void> {
    const when = this.usedBytes > this.limits.hardBytes ? 'hard' : 'soft'
    const leastMs = this.#config[`min_gc_interval_when_${when}_limited`]
    const mostMs = this.#config[`max_gc_interval_when_${when}_limited`]
    // With no least interval the doubling starts at one second.
    const waitMs = this.#patience === 1 ? leastMs : Math.min(Math.max(leastMs, 1_000) * this.#patience, mostMs)
    if (this.#clock() - this.#lastCollectionMs < waitMs) return
    const fields = { used_mib: Math.round(this.usedBytes / MIB) }
    const message = `Memory usage is above ${when} limit. Forcing a GC.`
    if (when === 'hard') this.#options.log.warn(fields, message)
    else this.#options.log.info(fields, message)
    this.#options.memory.collect()
    this.#lastCollectionMs = this.#clock()
    const before = this.usedBytes
    this.usedBytes = await this.#options.memory.usedBytes()
    this.#patience = before - this.usedBytes < before * WORTH_FREEING ? Math.min(this.#patience * 2, 1_024) : 1
  }

  #decide(refuse: boolean): void {
    if (refuse === this.#refusing) return
    this.#refusing = refuse
    const fields = {
      used_mib: Math.round(this.usedBytes / MIB),
      soft_limit_mib: Math.round(this.limits.softBytes / MIB),
    }
    if (refuse) {
      this.#options.log.warn(fields, 'Memory usage is above soft limit. Refusing data.')
      this.#options.report({ at: 'recoverable_error', error: new Error(REFUSED) })
    } else {
      this.#options.log.info(fields, 'Memory usage back within limits. Resuming normal operation.')
      this.#options.report({ at: 'ok' })
    }
  }
}
