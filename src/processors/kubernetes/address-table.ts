/** Marks a free slot; numbers of addresses begin at 1. */
const FREE = 0

/**
 * Numbers for addresses: an open hash over their 16 bytes (4 words, as columns hold them). A number stays the address's own
 * until it is removed, and is then given out again.
 */
export class AddressTable {
  /** Address number by slot. At most half of the slots are taken. */
  #slots = new Uint32Array(64)
  #mask = 63
  /** 4 words a number. */
  #words = new Uint32Array(4 * 32)
  #end = 1
  #size = 0
  readonly #free: number[] = []

  /** Addresses that have a number. */
  get size(): number {
    return this.#size
  }

  /** Numbers in use are below this. */
  get end(): number {
    return this.#end
  }

  /** Number of the address in the 4 words from `at` on; 0 when it has none. */
  find(words: Uint32Array, at: number): number {
    const [a, b, c, d] = [words[at]!, words[at + 1]!, words[at + 2]!, words[at + 3]!]
    const own = this.#words
    const slots = this.#slots
    for (let slot = hash(a, b, c, d) & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const number = slots[slot]!
      if (number === FREE) return 0
      const o = 4 * number
      if (own[o + 3] === d && own[o + 2] === c && own[o + 1] === b && own[o] === a) return number
    }
  }

  /** As `find`, giving a new address a number. */
  add(words: Uint32Array, at: number): number {
    const known = this.find(words, at)
    if (known !== 0) return known
    if (2 * (this.#size + 1) > this.#slots.length) this.#growSlots()
    const number = this.#free.pop() ?? this.#end++
    if (4 * number >= this.#words.length) this.#words = enlarged(this.#words)
    for (let i = 0; i < 4; i++) this.#words[4 * number + i] = words[at + i]!
    this.#place(number)
    this.#size++
    return number
  }

  /** Takes an address out. Later ones of its run move up, so that searches need no marks of the dead. */
  remove(number: number): void {
    let hole = this.#slotOf(number)
    const slots = this.#slots
    for (let slot = (hole + 1) & this.#mask; slots[slot] !== FREE; slot = (slot + 1) & this.#mask) {
      const home = this.#home(slots[slot]!)
      if (((slot - home) & this.#mask) < ((slot - hole) & this.#mask)) continue
      slots[hole] = slots[slot]!
      hole = slot
    }
    slots[hole] = FREE
    this.#free.push(number)
    this.#size--
  }

  #slotOf(number: number): number {
    let slot = this.#home(number)
    while (this.#slots[slot] !== number) slot = (slot + 1) & this.#mask
    return slot
  }

  #home(number: number): number {
    const at = 4 * number
    const words = this.#words
    return hash(words[at]!, words[at + 1]!, words[at + 2]!, words[at + 3]!) & this.#mask
  }

  #place(number: number): void {
    let slot = this.#home(number)
    while (this.#slots[slot] !== FREE) slot = (slot + 1) & this.#mask
    this.#slots[slot] = number
  }

  #growSlots(): void {
    const old = this.#slots
    this.#slots = new Uint32Array(2 * old.length)
    this.#mask = this.#slots.length - 1
    for (const number of old) if (number !== FREE) this.#place(number)
  }
}

function hash(a: number, b: number, c: number, d: number): number {
  let mixed = Math.imul(a ^ Math.imul(b, 0x85ebca6b) ^ Math.imul(c, 0xc2b2ae35) ^ d, 0x9e3779b1)
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x85ebca6b)
  return (mixed ^ (mixed >>> 13)) >>> 0
}

function enlarged(array: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(2 * array.length)
  larger.set(array)
  return larger
}
