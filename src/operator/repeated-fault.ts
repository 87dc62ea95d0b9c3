/** The same fault of many pods is told once in so long. */
const SILENCE_MS = 60_000

/** Says whether a fault is news: a permission that is missing fails thousands of pods with one message. */
export class RepeatedFault {
  readonly #clock: () => number
  #message = ''
  #toldMs = 0

  constructor(clock: () => number = () => performance.now()) {
    this.#clock = clock
  }

  isNews(message: string): boolean {
    const now = this.#clock()
    if (message === this.#message && now - this.#toldMs < SILENCE_MS) return false
    this.#message = message
    this.#toldMs = now
    return true
  }
}
