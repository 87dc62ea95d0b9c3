/** Marks a free slot: no key begins with it. */
const FREE = 0xffffffff

/** A number for a pair of numbers: an open hash in three typed arrays. The first of a pair is below 2^32 − 1. */
export class PairTable {
  #first = new Uint32Array(16).fill(FREE)
  #second = new Uint32Array(16)
  #values = new Uint32Array(16)
  #mask = 15
  #size = 0

  get size(): number {
    return this.#size
  }

  /** The pair's number; 0 when it has none. */
  get(first: number, second: number): number {
    const slot = this.#find(first, second)
    return this.#first[slot] === FREE ? 0 : this.#values[slot]!
  }

  set(first: number, second: number, value: number): void {
    let slot = this.#find(first, second)
    if (this.#first[slot] === FREE) {
      if (2 * (this.#size + 1) > this.#first.length) {
        this.#grow()
        slot = this.#find(first, second)
      }
      this.#first[slot] = first
      this.#second[slot] = second
      this.#size++
    }
    this.#values[slot] = value
  }

  delete(first: number, second: number): void {
    let hole = this.#find(first, second)
    if (this.#first[hole] === FREE) return
    const mask = this.#mask
    for (let slot = (hole + 1) & mask; this.#first[slot] !== FREE; slot = (slot + 1) & mask) {
      const home = hash(this.#first[slot]!, this.#second[slot]!) & mask
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue
      this.#move(slot, hole)
      hole = slot
    }
    this.#first[hole] = FREE
    this.#size--
  }

  #find(first: number, second: number): number {
    let slot = hash(first, second) & this.#mask
    for (;;) {
      const at = this.#first[slot]!
      if (at === FREE || (at === first && this.#second[slot] === second)) return slot
      slot = (slot + 1) & this.#mask
    }
  }

  #move(from: number, to: number): void {
    this.#first[to] = this.#first[from]!
    this.#second[to] = this.#second[from]!
    this.#values[to] = this.#values[from]!
  }

  #grow(): void {
    const [first, second, values] = [this.#first, this.#second, this.#values]
    const slots = 2 * first.length
    this.#first = new Uint32Array(slots).fill(FREE)
    this.#second = new Uint32Array(slots)
    this.#values = new Uint32Array(slots)
    this.#mask = slots - 1
    this.#size = 0
    for (let i = 0; i < first.length; i++) if (first[i] !== FREE) this.set(first[i]!, second[i]!, values[i]!)
  }
}

function hash(first: number, second: number): number {
  const mixed = Math.imul(first ^ Math.imul(second, 0x85ebca6b), 0x9e3779b1)
  return Math.imul(mixed ^ (mixed >>> 15), 0xc2b2ae35) >>> 8
}
