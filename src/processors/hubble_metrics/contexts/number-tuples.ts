/** Dense numbers for tuples of numbers of one width: an open hash over one flat array. */
export class NumberTuples {
  readonly #width: number
  /** `width` numbers a tuple. */
  #words: Uint32Array<ArrayBuffer>
  /** Number of a tuple + 1; 0 = free. At most half are taken. */
  #slots = new Uint32Array(64)
  #size = 0

  /** @param width numbers of each tuple, at least 1 */
  constructor(width: number) {
    this.#width = width
    this.#words = new Uint32Array(32 * width)
  }

  get size(): number {
    return this.#size
  }

  /** Number of the tuple in the first words of `from`, given on first sight: 0, 1, 2, … */
  number(from: Uint32Array): number {
    const slots = this.#slots
    const mask = slots.length - 1
    for (let slot = this.#hash(from, 0) & mask; ; slot = (slot + 1) & mask) {
      const taken = slots[slot]!
      if (taken === 0) return this.#add(from, slot)
      if (this.#equal(taken - 1, from)) return taken - 1
    }
  }

  /** One of the numbers of a tuple. */
  word(number: number, at: number): number {
    return this.#words[number * this.#width + at]!
  }

  /** Forgets all; numbers begin at 0 again. */
  clear(): void {
    this.#slots = new Uint32Array(64)
    this.#words = new Uint32Array(32 * this.#width)
    this.#size = 0
  }

  #add(from: Uint32Array, slot: number): number {
    const number = this.#size++
    const at = number * this.#width
    if (at + this.#width > this.#words.length) {
      const larger = new Uint32Array(Math.ceil(1.25 * this.#words.length))
      larger.set(this.#words)
      this.#words = larger
    }
    for (let i = 0; i < this.#width; i++) this.#words[at + i] = from[i]!
    this.#slots[slot] = number + 1
    if (2 * this.#size > this.#slots.length) this.#rehash()
    return number
  }

  #rehash(): void {
    const slots = new Uint32Array(2 * this.#slots.length)
    const mask = slots.length - 1
    for (let number = 0; number < this.#size; number++) {
      let slot = this.#hash(this.#words, number * this.#width) & mask
      while (slots[slot] !== 0) slot = (slot + 1) & mask
      slots[slot] = number + 1
    }
    this.#slots = slots
  }

  #equal(number: number, other: Uint32Array): boolean {
    const at = number * this.#width
    for (let i = 0; i < this.#width; i++) if (this.#words[at + i] !== other[i]) return false
    return true
  }

  #hash(words: Uint32Array, at: number): number {
    let hash = 0
    for (let i = 0; i < this.#width; i++) hash = Math.imul(hash ^ words[at + i]!, 0x9e3779b1) ^ (hash >>> 15)
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
    return hash ^ (hash >>> 13)
  }
}
