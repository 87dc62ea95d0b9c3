import { LabelTable } from './label-table.ts'

/** Slot of the hash that holds no series. */
const EMPTY = 0

/**
 * Which row has which label values: label texts as numbers in one flat array, found through an open hash of row
 * numbers. About 20 bytes a series with four labels, against some 300 with a Map of joined strings.
 */
export class SeriesIndex {
  readonly #width: number
  readonly #table: LabelTable
  /** `width` label numbers a row. */
  #labels: Int32Array
  #slots = new Int32Array(16)
  #size = 0

  /** @param width labels of each series @param table may be shared with other indexes */
  constructor(width: number, table = new LabelTable()) {
    this.#width = width
    this.#table = table
    this.#labels = new Int32Array(8 * width)
  }

  get size(): number {
    return this.#size
  }

  /** Row of these label values, or -1. */
  find(values: readonly string[]): number {
    const numbers = this.#scratch
    for (let i = 0; i < this.#width; i++) {
      const number = this.#table.find(values[i] ?? '')
      if (number < 0) return -1
      numbers[i] = number
    }
    for (let slot = this.#home(numbers, 0); ; slot = this.#next(slot)) {
      const row = this.#slots[slot]!
      if (row === EMPTY) return -1
      if (this.#equal(row, numbers)) return row
    }
  }

  /** Gives `row` (> 0, not in use) these label values, which no other row has. */
  insert(row: number, values: readonly string[]): void {
    if ((this.#size + 1) * 4 > this.#slots.length * 3) this.#rehash(this.#slots.length * 2)
    const at = row * this.#width
    if (at + this.#width > this.#labels.length) {
      this.#labels = enlarged(this.#labels, at + (at >> 2) + 8 * this.#width)
    }
    for (let i = 0; i < this.#width; i++) this.#labels[at + i] = this.#table.take(values[i] ?? '')
    this.#place(row)
    this.#size++
  }

  remove(row: number): void {
    let hole = this.#home(this.#labels, row * this.#width)
    while (this.#slots[hole] !== row) hole = this.#next(hole)
    this.#closeUp(hole)
    const at = row * this.#width
    for (let i = 0; i < this.#width; i++) this.#table.release(this.#labels[at + i]!)
    this.#size--
  }

  values(row: number): string[] {
    const values: string[] = []
    for (let i = 0; i < this.#width; i++) values.push(this.#table.text(this.#labels[row * this.#width + i]!))
    return values
  }

  /**
   * Rows whose labels from `first` on are one of `wanted`.
   * @param wanted label values, all of them equally many
   */
  matching(first: number, wanted: readonly (readonly string[])[]): number[] {
    const byHash = this.#wantedByHash(wanted)
    const rows: number[] = []
    if (byHash.size === 0) return rows
    const width = wanted[0]!.length
    // Most rows are of no interest: one label tells.
    const { telling, numbers: interesting } = mostTelling([...byHash.values()].flat(), width)
    for (const row of this.#slots) {
      if (row === EMPTY) continue
      const at = row * this.#width + first
      if (interesting[this.#labels[at + telling]!] !== 1) continue
      const candidates = byHash.get(hashOf(this.#labels, at, width))
      if (candidates?.some((numbers) => numbers.every((number, i) => number === this.#labels[at + i]))) rows.push(row)
    }
    return rows
  }

  /** Label numbers of values that some row has, by their hash. */
  #wantedByHash(wanted: readonly (readonly string[])[]): Map<number, Int32Array[]> {
    const byHash = new Map<number, Int32Array[]>()
    for (const values of wanted) {
      const numbers = new Int32Array(values.length)
      for (let i = 0; i < values.length; i++) numbers[i] = this.#table.find(values[i]!)
      if (numbers.includes(-1)) continue
      const hash = hashOf(numbers, 0, numbers.length)
      const same = byHash.get(hash)
      if (same === undefined) byHash.set(hash, [numbers])
      else same.push(numbers)
    }
    return byHash
  }

  /** One label value of a row. */
  value(row: number, label: number): string {
    return this.#table.text(this.#labels[row * this.#width + label]!)
  }

  get #scratch(): Int32Array {
    this.#numbers ??= new Int32Array(this.#width)
    return this.#numbers
  }
  #numbers: Int32Array | undefined

  #place(row: number): void {
    let slot = this.#home(this.#labels, row * this.#width)
    while (this.#slots[slot] !== EMPTY) slot = this.#next(slot)
    this.#slots[slot] = row
  }

  /** Linear probing without tombstones: later entries of the run move into the hole (Knuth 6.4, algorithm R). */
  #closeUp(hole: number): void {
    for (let slot = this.#next(hole); this.#slots[slot] !== EMPTY; slot = this.#next(slot)) {
      const home = this.#home(this.#labels, this.#slots[slot]! * this.#width)
      const stays = hole <= slot ? hole < home && home <= slot : hole < home || home <= slot
      if (stays) continue
      this.#slots[hole] = this.#slots[slot]!
      hole = slot
    }
    this.#slots[hole] = EMPTY
  }

  #rehash(length: number): void {
    const before = this.#slots
    this.#slots = new Int32Array(length)
    for (const row of before) if (row !== EMPTY) this.#place(row)
  }

  #equal(row: number, numbers: Int32Array): boolean {
    const at = row * this.#width
    for (let i = 0; i < this.#width; i++) if (this.#labels[at + i] !== numbers[i]) return false
    return true
  }

  #home(numbers: Int32Array, at: number): number {
    return hashOf(numbers, at, this.#width) & (this.#slots.length - 1)
  }

  #next(slot: number): number {
    return (slot + 1) & (this.#slots.length - 1)
  }
}

/** The label with the most different values: its place, and by number 1 where one of the label sets has it. */
function mostTelling(all: readonly Int32Array[], width: number): { telling: number; numbers: Uint8Array } {
  let best = { telling: 0, distinct: new Set<number>() }
  for (let i = 0; i < width; i++) {
    const distinct = new Set(all.map((numbers) => numbers[i]!))
    if (distinct.size > best.distinct.size) best = { telling: i, distinct }
  }
  const numbers = new Uint8Array(best.distinct.size === 0 ? 0 : 1 + [...best.distinct].reduce((a, b) => Math.max(a, b)))
  for (const number of best.distinct) numbers[number] = 1
  return { telling: best.telling, numbers }
}

function hashOf(numbers: Int32Array, at: number, width: number): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < width; i++) hash = Math.imul(hash ^ numbers[at + i]!, 0x9e3779b1) ^ (hash >>> 15)
  return hash ^ (hash >>> 13)
}

function enlarged(array: Int32Array, length: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(length)
  larger.set(array)
  return larger
}
