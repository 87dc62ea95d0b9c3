/** Marks a free slot: no key begins with it. */
const FREE = 0xffffffff

/** Words of a slot: the pair, its number, and one more for whoever keeps the table; slots lie within cache lines. */
const WORDS = 4

/** Place of a pair that has none. */
export const ABSENT = -1

/** A number for a pair of numbers: an open hash in one typed array. The first of a pair is below 2^32 − 1. */
export class PairTable {
  #slots = emptySlots(16)
  #mask = 15
  #size = 0

  get size(): number {
    return this.#size
  }

  /** The pair's number; 0 when it has none. */
  get(first: number, second: number): number {
    const at = this.#find(first, second)
    return this.#slots[at] === FREE ? 0 : this.#slots[at + 2]!
  }

  /** Where a pair lies until the next change; `ABSENT` when it has no number. */
  place(first: number, second: number): number {
    const at = this.#find(first, second)
    return this.#slots[at] === FREE ? ABSENT : at
  }

  /** Number of the pair at a place. */
  value(place: number): number {
    return this.#slots[place + 2]!
  }

  /** What was set beside it. */
  extra(place: number): number {
    return this.#slots[place + 3]!
  }

  set(first: number, second: number, value: number, extra = 0): void {
    let at = this.#find(first, second)
    if (this.#slots[at] === FREE) {
      if (2 * (this.#size + 1) > this.#mask + 1) {
        this.#grow()
        at = this.#find(first, second)
      }
      this.#slots[at] = first
      this.#slots[at + 1] = second
      this.#size++
    }
    this.#slots[at + 2] = value
    this.#slots[at + 3] = extra
  }

  /** Forgets every pair. */
  clear(): void {
    this.#slots = emptySlots(16)
    this.#mask = 15
    this.#size = 0
  }

  /** Takes a pair out. Later ones of its run move up, so that searches need no marks of the dead. */
  delete(first: number, second: number): void {
    const slots = this.#slots
    const mask = this.#mask
    let hole = this.#find(first, second) / WORDS
    if (slots[WORDS * hole] === FREE) return
    for (let slot = (hole + 1) & mask; slots[WORDS * slot] !== FREE; slot = (slot + 1) & mask) {
      const home = hash(slots[WORDS * slot]!, slots[WORDS * slot + 1]!) & mask
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue
      slots.copyWithin(WORDS * hole, WORDS * slot, WORDS * slot + WORDS)
      hole = slot
    }
    slots[WORDS * hole] = FREE
    this.#size--
  }

  /** Place of the pair, or of the free slot where it belongs. */
  #find(first: number, second: number): number {
    const slots = this.#slots
    for (let slot = hash(first, second) & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const at = WORDS * slot
      if (slots[at] === FREE || (slots[at] === first && slots[at + 1] === second)) return at
    }
  }

  #grow(): void {
    const old = this.#slots
    this.#slots = emptySlots(2 * (this.#mask + 1))
    this.#mask = 2 * this.#mask + 1
    this.#size = 0
    for (let at = 0; at < old.length; at += WORDS)
      if (old[at] !== FREE) this.set(old[at]!, old[at + 1]!, old[at + 2]!, old[at + 3]!)
  }
}

function emptySlots(count: number): Uint32Array<ArrayBuffer> {
  return new Uint32Array(WORDS * count).fill(FREE)
}

function hash(first: number, second: number): number {
  const mixed = Math.imul(first ^ Math.imul(second, 0x85ebca6b), 0x9e3779b1)
  return Math.imul(mixed ^ (mixed >>> 15), 0xc2b2ae35) >>> 8
}
