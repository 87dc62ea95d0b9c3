import { addressText } from '../../../flow/address.ts'
import type { FlowBatch } from '../../../flow/batch.ts'
import { NumberTuples } from './number-tuples.ts'
import { NO_TEXT, TextNumbers } from './text-numbers.ts'

/** Which end of a row is looked at. */
export type End = 'source' | 'destination'

/** Names of ends, as numbers: those of a batch by their index there, remembered while the batch is read. */
export class NameValues {
  readonly #texts = new TextNumbers()
  /** By index into the strings of the batch: number + 1; 0 = not asked for. */
  #byIndex = new Uint32Array(64)
  #strings: readonly string[] = []

  get size(): number {
    return this.#texts.size
  }

  begin(batch: FlowBatch): void {
    this.#byIndex.fill(0, 0, this.#strings.length)
    this.#strings = batch.strings
    if (this.#byIndex.length < batch.strings.length) this.#byIndex = new Uint32Array(2 * batch.strings.length)
  }

  /** Number of the DNS names at an index of the batch's strings; `NO_TEXT` = no name is known. */
  number(index: number): number {
    const known = this.#byIndex[index]!
    if (known !== 0) return known - 1
    const number = this.#texts.number(this.#strings[index] ?? '')
    this.#byIndex[index] = number + 1
    return number
  }

  text(number: number): string {
    return this.#texts.text(number)
  }

  clear(): void {
    this.#texts.clear()
    this.#byIndex.fill(0)
  }
}

/** Addresses, as numbers. */
export class AddressValues {
  readonly #addresses = new NumberTuples(4)
  readonly #words = new Uint32Array(4)

  get size(): number {
    return this.#addresses.size
  }

  /** Number of the address at a row of an address column; `NO_TEXT` where the row is not IP. */
  number(column: Uint32Array, row: number, ipVersion: number): number {
    if (ipVersion === 0) return NO_TEXT
    const at = 4 * row
    const words = this.#words
    for (let i = 0; i < 4; i++) words[i] = column[at + i]!
    return this.#addresses.number(words) + 1
  }

  text(number: number): string {
    if (number === NO_TEXT) return ''
    for (let i = 0; i < 4; i++) this.#words[i] = this.#addresses.word(number - 1, i)
    return addressText(this.#words, 0)
  }

  clear(): void {
    this.#addresses.clear()
  }
}
