/** An event and when it was written, Unix milliseconds. */
export interface LoggedEvent<T> {
  readonly timeMs: number
  readonly event: T
}

/** Cilium's default for events of all kinds. */
const CAPACITY = 4_095

/** The newest events of one kind, in order of arrival. Each has a sequence number; readers hold one and are never waited for. */
export class EventLog<T> {
  readonly capacity: number
  readonly #clock: () => number
  /** A ring: the event `sequence` is at `sequence % capacity`. */
  readonly #events: LoggedEvent<T>[] = []
  readonly #listeners = new Set<() => void>()
  #next = 0

  constructor(capacity = CAPACITY, clock: () => number = Date.now) {
    this.capacity = capacity
    this.#clock = clock
  }

  /** Sequence number of the oldest event that is kept: so many were forgotten. */
  get first(): number {
    return Math.max(0, this.#next - this.capacity)
  }

  /** Sequence number of the event that comes next. */
  get next(): number {
    return this.#next
  }

  /** Writes an event; the oldest one goes where there is no room. */
  append(event: T): void {
    this.#events[this.#next % this.capacity] = { timeMs: this.#clock(), event }
    this.#next++
    for (const listener of this.#listeners) listener()
  }

  /** @param sequence `first` ≤ sequence < `next` @throws RangeError for another one */
  get(sequence: number): LoggedEvent<T> {
    const logged = this.#events[sequence % this.capacity]
    if (logged === undefined || sequence < this.first || sequence >= this.#next)
      throw new RangeError(`no event ${sequence} in the log`)
    return logged
  }

  /** Calls `listener` after every event. Returns a function that ends that. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}
