/** Events one client missed and was not told of yet. */
export interface MissedEvents {
  count: number
  firstMs: number
  lastMs: number
}

/** Adds up what a client missed, and says when to tell it: an interval after the first miss. */
export class PendingLoss {
  readonly #intervalMs: number
  readonly #clock: () => number
  #missed: MissedEvents | undefined

  constructor(intervalMs: number, clock: () => number = Date.now) {
    this.#intervalMs = intervalMs
    this.#clock = clock
  }

  add(count: number): void {
    const now = this.#clock()
    this.#missed ??= { count: 0, firstMs: now, lastMs: now }
    this.#missed.count += count
    this.#missed.lastMs = now
  }

  /** Milliseconds until something is to be told; undefined when nothing is. */
  dueInMs(): number | undefined {
    if (this.#missed === undefined) return undefined
    return Math.max(1, this.#missed.firstMs + this.#intervalMs - this.#clock())
  }

  /** What is to be told now, once. @param early also before the interval is over: the stream ends */
  take(early: boolean): MissedEvents | undefined {
    const missed = this.#missed
    if (missed === undefined || (!early && this.#clock() < missed.firstMs + this.#intervalMs)) return undefined
    this.#missed = undefined
    return missed
  }
}
