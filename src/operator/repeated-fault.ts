/** The same fault of many pods is told once in so long. */
const SILENCE_MS = 60_000

/** Faults remembered; the oldest are forgotten. */
const REMEMBERED = 100

/** Says whether a fault is news: a permission that is missing fails thousands of pods with one message. */
export class RepeatedFault {
  readonly #clock: () => number
  /** When each message was told, oldest first. */
  readonly #told = new Map<string, number>()

  /** @param clock milliseconds that never go back */
  constructor(clock: () => number = () => performance.now()) {
    this.#clock = clock
  }

  isNews(message: string): boolean {
    const now = this.#clock()
    const toldMs = this.#told.get(message)
    if (toldMs !== undefined && now - toldMs < SILENCE_MS) return false
    this.#told.delete(message)
    this.#told.set(message, now)
    const [oldest] = this.#told.keys()
    if (this.#told.size > REMEMBERED && oldest !== undefined) this.#told.delete(oldest)
    return true
  }
}
