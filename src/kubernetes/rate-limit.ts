import { setTimeout as sleep } from 'node:timers/promises'
import type { Limiter } from './client.ts'

/** A token bucket: so many requests a second, and `burst` at once after a pause. Waiting requests go in order. */
export class RateLimit implements Limiter {
  readonly #perSecond: number
  readonly #burst: number
  readonly #clock: () => number
  /** Time at which the bucket would be full again, ms; requests taken push it forward. */
  #fullMs = 0

  /** @param clock milliseconds that never go back */
  constructor(perSecond: number, burst: number, clock: () => number = () => performance.now()) {
    this.#perSecond = perSecond
    this.#burst = burst
    this.#clock = clock
  }

  async take(signal?: AbortSignal): Promise<void> {
    const waitMs = Math.ceil(this.#waitMs())
    this.#fullMs = this.#afterOneMore()
    if (waitMs > 0) await sleep(waitMs, undefined, signal === undefined ? {} : { signal })
  }

  /** Takes a place if one is free now. */
  tryTake(): boolean {
    if (this.#waitMs() > 0) return false
    this.#fullMs = this.#afterOneMore()
    return true
  }

  #waitMs(): number {
    return this.#afterOneMore() - this.#clock() - (this.#burst * 1_000) / this.#perSecond
  }

  #afterOneMore(): number {
    return Math.max(this.#fullMs, this.#clock()) + 1_000 / this.#perSecond
  }
}
