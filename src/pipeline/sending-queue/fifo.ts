/** A list that is filled at one end and emptied at the other, both in constant time. */
export class Fifo<T> {
  readonly #bytesOf: (item: T) => number
  #items: T[] = []
  #head = 0
  #bytes = 0

  constructor(bytesOf: (item: T) => number) {
    this.#bytesOf = bytesOf
  }

  get size(): number {
    return this.#items.length - this.#head
  }

  /** Of all items together. */
  get bytes(): number {
    return this.#bytes
  }

  push(item: T): void {
    this.#items.push(item)
    this.#bytes += this.#bytesOf(item)
  }

  /** Takes the first one off. */
  shift(): T | undefined {
    if (this.size === 0) return undefined
    const item = this.#items[this.#head++]!
    this.#bytes -= this.#bytesOf(item)
    // What was taken is let go when it is half of the list: each item is moved once on the average.
    if (this.#head * 2 >= this.#items.length) {
      this.#items.splice(0, this.#head)
      this.#head = 0
    }
    return item
  }

  /** The first ones, one at least: up to so many and so many bytes. */
  peek(most: number, mostBytes = Number.POSITIVE_INFINITY): T[] {
    const items = this.#items.slice(this.#head, this.#head + most)
    let bytes = 0
    const end = items.findIndex((item, index) => {
      bytes += this.#bytesOf(item)
      return index > 0 && bytes > mostBytes
    })
    return end < 0 ? items : items.slice(0, end)
  }

  /** Takes all off. */
  clear(): T[] {
    const items = this.#items.slice(this.#head)
    this.#items = []
    this.#head = this.#bytes = 0
    return items
  }
}
