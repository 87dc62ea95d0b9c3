/** Callers that wait for something, first come, first served. */
export class Waiters<T> {
  #resolvers: ((value: T) => void)[] = []

  get size(): number {
    return this.#resolvers.length
  }

  wait(): Promise<T> {
    return new Promise((resolve) => this.#resolvers.push(resolve))
  }

  /** Answers the one that waits longest. */
  wakeOne(value: T): void {
    this.#resolvers.shift()?.(value)
  }

  wakeAll(value: T): void {
    for (const resolve of this.#resolvers.splice(0)) resolve(value)
  }
}
