const SECONDS = 60

/** Flows per second over the last minute, by time of arrival. */
export class FlowRate {
  readonly #counts = new Float64Array(SECONDS)
  readonly #startedMs: number
  readonly #clock: () => number
  /** The second that `#counts` was last brought up to. */
  #second: number

  constructor(clock: () => number = Date.now) {
    this.#clock = clock
    this.#startedMs = clock()
    this.#second = Math.floor(this.#startedMs / 1000)
  }

  add(flows: number): void {
    this.#advance()
    this.#counts[this.#second % SECONDS]! += flows
  }

  /** Over the time since the start while that is less than a minute. */
  perSecond(): number {
    this.#advance()
    const seconds = Math.min(SECONDS, Math.max(1, (this.#clock() - this.#startedMs) / 1000))
    return this.#counts.reduce((sum, count) => sum + count, 0) / seconds
  }

  #advance(): void {
    const now = Math.floor(this.#clock() / 1000)
    if (now - this.#second >= SECONDS) this.#counts.fill(0)
    else for (let second = this.#second + 1; second <= now; second++) this.#counts[second % SECONDS] = 0
    this.#second = Math.max(this.#second, now)
  }
}
