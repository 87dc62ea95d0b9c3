import type { FlowBatch } from '../../flow/batch.ts'
import { WAYS } from './config.ts'

/** Names kept of one address: an address of a CDN has thousands. */
const MOST_NAMES = 4

/** Names of addresses as answers told them, in sets of places: a full set forgets what was used least recently. */
export class NameCache {
  /** Addresses forgotten before their time, because others needed the place. */
  evicted = 0
  readonly #places: number
  readonly #addresses: Uint32Array
  /** Unix seconds; 0 = free. */
  readonly #expires: Uint32Array
  readonly #texts: string[]
  /** Hash of the message's names that were learned last: most answers say what is known. */
  readonly #learned: Uint32Array
  /** The batch that used a name last, and the name's index in its strings. */
  readonly #usedBy: Uint32Array
  readonly #index: Uint16Array
  #batch: FlowBatch | undefined
  #stamp = 1

  /** @param size most addresses */
  constructor(size: number) {
    this.#places = 2 ** Math.ceil(Math.log2(Math.max(size, WAYS)))
    this.#addresses = new Uint32Array(4 * this.#places)
    this.#expires = new Uint32Array(this.#places)
    this.#texts = Array.from({ length: this.#places }, () => '')
    this.#learned = new Uint32Array(this.#places)
    this.#usedBy = new Uint32Array(this.#places)
    this.#index = new Uint16Array(this.#places)
  }

  /** Names found from now on become strings of this batch. */
  begin(batch: FlowBatch): void {
    this.#batch = batch
    this.#stamp++
  }

  /** Index in the batch's strings of the names of the address at `row`; 0 when none is known at that time (Unix seconds). */
  find(column: Uint32Array, row: number, seconds: number): number {
    const place = this.#find(column, 4 * row)
    if (place < 0 || this.#expires[place]! < seconds) return 0
    if (this.#usedBy[place] !== this.#stamp) {
      this.#usedBy[place] = this.#stamp
      this.#index[place] = this.#batch?.intern(this.#texts[place]!) ?? 0
    }
    return this.#index[place]!
  }

  /**
   * Keeps the names of the address in the 4 words from `at` on until `expires`, when they are those learned last.
   * @param hash of the names, as given to `learn` @returns whether they are
   */
  refresh(words: Uint32Array, at: number, hash: number, expires: number, seconds: number): boolean {
    const place = this.#find(words, at)
    if (place < 0 || this.#learned[place] !== hash || this.#expires[place]! < seconds) return false
    if (expires > this.#expires[place]!) this.#expires[place] = expires
    return true
  }

  /** Adds names (without trailing dot) to the address in the 4 words from `at` on, until `expires`. */
  learn(
    words: Uint32Array,
    at: number,
    names: readonly string[],
    hash: number,
    expires: number,
    seconds: number,
  ): void {
    let place = this.#find(words, at)
    const isNew = place < 0 || this.#expires[place]! < seconds
    if (place < 0) place = this.#choose(words, at, seconds)
    const known = isNew ? [] : this.#texts[place]!.split(',')
    const text = [...new Set([...names, ...known])].slice(0, MOST_NAMES).join(',')
    // The batch may already know the entry by its old text.
    if (text !== this.#texts[place]) this.#usedBy[place] = this.#stamp - 1
    this.#texts[place] = text
    this.#learned[place] = hash
    this.#expires[place] = isNew ? expires : Math.max(expires, this.#expires[place]!)
  }

  /** Places in use, of addresses whose time may be over. */
  get used(): number {
    return this.#expires.reduce((used, expires) => used + (expires === 0 ? 0 : 1), 0)
  }

  #find(words: Uint32Array, at: number): number {
    const addresses = this.#addresses
    const first = this.#set(words, at)
    for (let place = first, p = 4 * first; place < first + WAYS; place++, p += 4) {
      if (
        addresses[p + 3] === words[at + 3] &&
        addresses[p + 2] === words[at + 2] &&
        addresses[p + 1] === words[at + 1] &&
        addresses[p] === words[at] &&
        this.#expires[place] !== 0
      ) {
        return place
      }
    }
    return -1
  }

  #choose(words: Uint32Array, at: number, seconds: number): number {
    const first = this.#set(words, at)
    let chosen = first
    for (let place = first; place < first + WAYS; place++) {
      if (this.#expires[place]! < seconds) {
        chosen = place
        break
      }
      if (this.#usedBy[place]! < this.#usedBy[chosen]!) chosen = place
    }
    if (this.#expires[chosen]! >= seconds && this.#expires[chosen] !== 0) this.evicted++
    for (let i = 0; i < 4; i++) this.#addresses[4 * chosen + i] = words[at + i]!
    return chosen
  }

  #set(words: Uint32Array, at: number): number {
    const mixed = words[at]! ^ Math.imul(words[at + 1]!, 0x85ebca6b) ^ Math.imul(words[at + 2]!, 0xc2b2ae35)
    const hash = Math.imul(mixed ^ words[at + 3]!, 0x9e3779b1)
    return ((hash >>> 15) ^ hash) & (this.#places - 1) & ~(WAYS - 1)
  }
}
