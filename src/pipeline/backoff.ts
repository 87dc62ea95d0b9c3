/** Growing waits with jitter, so that a thousand agents do not come back at the same moment. */
export class Backoff {
  readonly #firstMs: number
  readonly #mostMs: number
  readonly #random: () => number
  #failures = 0

  /** @param random 0 ≤ number < 1 */
  constructor(firstMs: number, mostMs: number, random: () => number = Math.random) {
    this.#firstMs = firstMs
    this.#mostMs = mostMs
    this.#random = random
  }

  /** Failures since the last success. */
  get failures(): number {
    return this.#failures
  }

  /** Milliseconds to wait after one more failure: doubled each time, then between half and all of it; not below `leastMs`. */
  next(leastMs = 0): number {
    const full = Math.min(this.#firstMs * 2 ** this.#failures, this.#mostMs)
    this.#failures++
    return leastMs + full * (0.5 + this.#random() / 2)
  }

  reset(): void {
    this.#failures = 0
  }
}
