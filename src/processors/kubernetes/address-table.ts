/** Marks a free slot; numbers of addresses begin at 1. */
const FREE = 0

/** A slot holds the number below, and above it bits of the hash: few strangers' records are ever looked at. */
const NUMBER_BITS = 24
const NUMBER_MASK = (1 << NUMBER_BITS) - 1

/**
 * Words of a record: the address (4), from when on its owner has it (a double, Unix ms), the owner, flags. One record is half a
 * cache line: a look-up touches one slot and one record.
 */
const WORDS = 8
const FROM = 2 // in doubles
const OWNER = 6
const FLAGS = 7

/** Most rows that are looked up together: what they touch stays in the nearest caches. */
export const MOST_ROWS = 256

/**
 * Numbers for addresses, and a record for each: an open hash over their 16 bytes (4 words, as columns hold them). A number stays
 * the address's own until it is removed, and is then given out again.
 */
export class AddressTable {
  /** At most half of the slots are taken. */
  #slots = new Uint32Array(64)
  #mask = 63
  #words = new Uint32Array(WORDS * 32)
  #doubles = new Float64Array(this.#words.buffer)
  #end = 1
  #size = 0
  readonly #free: number[] = []
  /** Of the rows that `findAll` is about. */
  readonly #hashes = new Uint32Array(MOST_ROWS)

  /** Addresses that have a number. */
  get size(): number {
    return this.#size
  }

  /** Number of the address in the 4 words from `at` on; 0 when it has none. */
  find(words: Uint32Array, at: number): number {
    const [a, b, c, d] = [words[at]!, words[at + 1]!, words[at + 2]!, words[at + 3]!]
    const own = this.#words
    const slots = this.#slots
    const mixed = hash(a, b, c, d)
    for (let slot = mixed & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const entry = slots[slot]!
      if (entry === FREE) return 0
      if ((entry ^ mixed) >>> NUMBER_BITS !== 0) continue
      const number = entry & NUMBER_MASK
      const o = WORDS * number
      if (own[o + 3] === d && own[o + 2] === c && own[o + 1] === b && own[o] === a) return number
    }
  }

  /**
   * `find` for `count` rows of a column from `row` on, into `numbers`. First all slots are read, then all records: what lies far
   * away is fetched for many rows at a time, which one look-up after the other would wait for each time.
   */
  findAll(column: Uint32Array, row: number, count: number, numbers: Uint32Array): void {
    const slots = this.#slots
    const mask = this.#mask
    const own = this.#words
    const hashes = this.#hashes
    for (let i = 0, at = 4 * row; i < count; i++, at += 4) {
      const mixed = hash(column[at]!, column[at + 1]!, column[at + 2]!, column[at + 3]!)
      hashes[i] = mixed
      numbers[i] = slots[mixed & mask]!
    }
    for (let i = 0, at = 4 * row; i < count; i++, at += 4) {
      const entry = numbers[i]!
      if (entry === FREE) continue
      const number = entry & NUMBER_MASK
      const o = WORDS * number
      const same =
        (entry ^ hashes[i]!) >>> NUMBER_BITS === 0 &&
        own[o + 3] === column[at + 3] &&
        own[o + 2] === column[at + 2] &&
        own[o + 1] === column[at + 1] &&
        own[o] === column[at]
      numbers[i] = same ? number : this.find(column, at)
    }
  }

  /** As `find`, giving a new address a number and an empty record. @throws RangeError beyond 16 million addresses */
  add(words: Uint32Array, at: number): number {
    const known = this.find(words, at)
    if (known !== 0) return known
    if (2 * (this.#size + 1) > this.#slots.length) this.#growSlots()
    const number = this.#free.pop() ?? this.#end++
    if (number > NUMBER_MASK) throw new RangeError('more addresses than a cluster can have')
    if (WORDS * number >= this.#words.length) this.#growRecords()
    this.#words.fill(0, WORDS * number, WORDS * (number + 1))
    for (let i = 0; i < 4; i++) this.#words[WORDS * number + i] = words[at + i]!
    this.#place(number)
    this.#size++
    return number
  }

  /** Takes an address out. Later ones of its run move up, so that searches need no marks of the dead. */
  remove(number: number): void {
    const slots = this.#slots
    let hole = this.#hash(number) & this.#mask
    while ((slots[hole]! & NUMBER_MASK) !== number) hole = (hole + 1) & this.#mask
    for (let slot = (hole + 1) & this.#mask; slots[slot] !== FREE; slot = (slot + 1) & this.#mask) {
      const home = this.#hash(slots[slot]! & NUMBER_MASK) & this.#mask
      if (((slot - home) & this.#mask) < ((slot - hole) & this.#mask)) continue
      slots[hole] = slots[slot]!
      hole = slot
    }
    slots[hole] = FREE
    this.#free.push(number)
    this.#size--
  }

  /** Who has the address; 0 = nobody. */
  owner(number: number): number {
    return this.#words[WORDS * number + OWNER]!
  }

  /** From when on, Unix ms. */
  fromMs(number: number): number {
    return this.#doubles[(WORDS / 2) * number + FROM]!
  }

  /** Free for use by whoever keeps the table. */
  flags(number: number): number {
    return this.#words[WORDS * number + FLAGS]!
  }

  setOwner(number: number, owner: number): void {
    this.#words[WORDS * number + OWNER] = owner
  }

  setFromMs(number: number, fromMs: number): void {
    this.#doubles[(WORDS / 2) * number + FROM] = fromMs
  }

  setFlags(number: number, flags: number): void {
    this.#words[WORDS * number + FLAGS] = flags
  }

  #hash(number: number): number {
    const at = WORDS * number
    const words = this.#words
    return hash(words[at]!, words[at + 1]!, words[at + 2]!, words[at + 3]!)
  }

  #place(number: number): void {
    const mixed = this.#hash(number)
    let slot = mixed & this.#mask
    while (this.#slots[slot] !== FREE) slot = (slot + 1) & this.#mask
    this.#slots[slot] = ((mixed >>> NUMBER_BITS) << NUMBER_BITS) | number
  }

  #growSlots(): void {
    const old = this.#slots
    this.#slots = new Uint32Array(2 * old.length)
    this.#mask = this.#slots.length - 1
    for (const entry of old) if (entry !== FREE) this.#place(entry & NUMBER_MASK)
  }

  #growRecords(): void {
    const larger = new Uint32Array(2 * this.#words.length)
    larger.set(this.#words)
    this.#words = larger
    this.#doubles = new Float64Array(larger.buffer)
  }
}

function hash(a: number, b: number, c: number, d: number): number {
  let mixed = Math.imul(a ^ Math.imul(b, 0x85ebca6b) ^ Math.imul(c, 0xc2b2ae35) ^ d, 0x9e3779b1)
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x85ebca6b)
  return (mixed ^ (mixed >>> 13)) >>> 0
}
