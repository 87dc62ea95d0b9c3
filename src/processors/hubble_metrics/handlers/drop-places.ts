import type { FlowBatch } from '../../../flow/batch.ts'
import { dropReasonEnumName } from '../../../flow/drop-reason-names.ts'

/** Most pairs of reason and place; the kernel has some hundreds. Beyond that all are forgotten between two batches. */
const MAX_PLACES = 16_384

/**
 * Numbers for why and where a packet was dropped, the same from batch to batch: rows hold indexes into the strings of their
 * batch, which are looked up once for each pair and batch.
 */
export class DropPlaces {
  /** Grows when numbers come to stand for something else. */
  generation = 0
  readonly #numbers = new Map<string, number>()
  readonly #labels: (readonly [reason: string, location: string])[] = []
  /** By indexes of the batch at hand. */
  readonly #ofBatch = new Map<number, number>()
  #strings: readonly string[] = []

  /** To be called before rows of a batch are asked for. */
  begin(batch: FlowBatch): void {
    this.#strings = batch.strings
    this.#ofBatch.clear()
    if (this.#labels.length <= MAX_PLACES) return
    this.#numbers.clear()
    this.#labels.length = 0
    this.generation++
  }

  /** Number of reason and place of a row. */
  number({ columns }: FlowBatch, row: number): number {
    const name = columns.dropReasonName[row]!
    const place = columns.dropLocation[row]!
    // Three bytes of indexes and reason do not fit 32 bits: a number does with 48.
    const key = (name * 0x1_0000 + place) * 0x100 + (name === 0 ? columns.dropReason[row]! : 0)
    const known = this.#ofBatch.get(key)
    if (known !== undefined) return known
    const number = this.#number(reasonName(this.#strings[name]!, columns.dropReason[row]!), this.#strings[place]!)
    this.#ofBatch.set(key, number)
    return number
  }

  /** The kernel's name of the reason, or Hubble's where the kernel (before 5.17) has none; the function without its offset. */
  labels(number: number): readonly string[] {
    return this.#labels[number]!
  }

  #number(reason: string, symbol: string): number {
    const location = symbol.replace(/\+0x.*$/, '')
    const key = `${reason}\0${location}`
    const known = this.#numbers.get(key)
    if (known !== undefined) return known
    const number = this.#labels.push([reason, location]) - 1
    this.#numbers.set(key, number)
    return number
  }
}

/**
 * Packets of a row that is a drop. Cilium's agents tell each dropped packet by an event of its own, and no number: one, of
 * unknown size.
 */
export function droppedPackets({ columns, foreign }: FlowBatch, row: number): number {
  return columns.packets[row]! || (foreign === undefined ? 0 : 1)
}

function reasonName(kernelName: string, reason: number): string {
  return kernelName === '' ? (dropReasonEnumName(reason) ?? String(reason)) : kernelName
}
