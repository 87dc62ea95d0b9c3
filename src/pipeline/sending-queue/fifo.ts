/** A list that is filled at one end and emptied at the other, both in constant time. */
export class Fifo<T> {
  #items: T[] = []
  #head = 0

  get size(): number {
    return this.#items.length - this.#head
  }

  get first(): T | undefined {
    return this.#items[this.#head]
  }

  push(item: T): void {
    this.#items.push(item)
  }

  /** Takes the first one off. */
  shift(): T | undefined {
    if (this.size === 0) return undefined
    const item = this.#items[this.#head++]
    // What was taken is let go when it is half of the list: each item is moved once on the average.
    if (this.#head * 2 >= this.#items.length) this.#letGo()
    return item
  }

  /** Takes the first ones off. */
  take(count: number): T[] {
    const taken = this.#items.slice(this.#head, this.#head + count)
    this.#head += taken.length
    this.#letGo()
    return taken
  }

  /** The first ones. */
  peek(count: number): T[] {
    return this.#items.slice(this.#head, this.#head + count)
  }

  #letGo(): void {
    this.#items.splice(0, this.#head)
    this.#head = 0
  }
}
