import type { Family } from './family.ts'

/** Most keys remembered; more are forgotten together, and asked for again. */
const MAX_KEYS = 65_536

/** Slots for each key: a collision costs a mispredicted branch, which is dearer than the memory. */
const SLOTS_PER_KEY = 4

/** Marks a free slot: keys are below it. */
const EMPTY = 0xffffffff

/**
 * Series ids by a number that stands for a label set, so that hot loops touch no label text: an open hash in two typed
 * arrays. What a key means is told by `labels`, called once per key.
 */
export class SeriesCache {
  readonly #family: Family
  readonly #labels: (key: number) => readonly string[]
  #keys = new Uint32Array(64).fill(EMPTY)
  #ids = new Int32Array(64)
  #size = 0
  #generation = 0

  /** @param labels label values of a key (32 bits, not 0xffffffff), in the order of the family's labels */
  constructor(family: Family, labels: (key: number) => readonly string[]) {
    this.#family = family
    this.#labels = labels
  }

  /** To be called before a batch: forgets ids of series that were removed. */
  refresh(): void {
    if (this.#generation !== this.#family.generation) this.clear()
    this.#generation = this.#family.generation
  }

  /** Forgets every key, when what keys stand for changes. */
  clear(): void {
    if (this.#size === 0) return
    this.#keys.fill(EMPTY)
    this.#size = 0
  }

  /** Id of the series of `key`, made when new. */
  id(key: number): number {
    const mask = this.#keys.length - 1
    let slot = (Math.imul(key, 0x9e3779b1) >>> 8) & mask
    for (;;) {
      const at = this.#keys[slot]!
      if (at === key) return this.#ids[slot]!
      if (at === EMPTY) return this.#add(key)
      slot = (slot + 1) & mask
    }
  }

  #add(key: number): number {
    const id = this.#family.series(...this.#labels(key))
    if (this.#size >= MAX_KEYS) this.clear()
    if ((this.#size + 1) * SLOTS_PER_KEY > this.#keys.length) this.#grow()
    this.#place(key, id)
    this.#size++
    return id
  }

  #place(key: number, id: number): void {
    const mask = this.#keys.length - 1
    let slot = (Math.imul(key, 0x9e3779b1) >>> 8) & mask
    while (this.#keys[slot] !== EMPTY) slot = (slot + 1) & mask
    this.#keys[slot] = key
    this.#ids[slot] = id
  }

  #grow(): void {
    const [keys, ids] = [this.#keys, this.#ids]
    this.#keys = new Uint32Array(keys.length * 2).fill(EMPTY)
    this.#ids = new Int32Array(keys.length * 2)
    for (let i = 0; i < keys.length; i++) if (keys[i] !== EMPTY) this.#place(keys[i]!, ids[i]!)
  }
}
