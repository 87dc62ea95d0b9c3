import type { FlowBatch } from '../../../flow/batch.ts'
import type { Ends } from '../../../flow/ends.ts'

/** Labels of what is outside; an address with an identity of its own has one of them, too. */
const WORLD = ['reserved:world', 'reserved:world-ipv4', 'reserved:world-ipv6']

const UNASKED = 0
const INSIDE = 1
const OUTSIDE = 2

/** Which flows go to the world; what the labels of an endpoint say is asked once, a byte for each endpoint. */
export class WorldEnds {
  readonly #ends: Ends
  #known = new Uint8Array(64)
  #recycled = 0

  constructor(ends: Ends) {
    this.#ends = ends
  }

  /** To be called before the rows of a batch are looked at. */
  refresh(): void {
    this.#ends.refresh()
    const { recycled, size } = this.#ends.table
    if (this.#known.length < size) this.#known = new Uint8Array(2 * size)
    else if (this.#recycled !== recycled) this.#known.fill(UNASKED)
    this.#recycled = recycled
  }

  isDestination(batch: FlowBatch, row: number): boolean {
    const id = this.#ends.destination(batch, row)
    if (this.#known[id] === UNASKED) {
      const { labels } = this.#ends.table.get(id)
      this.#known[id] = WORLD.some((label) => labels.includes(label)) ? OUTSIDE : INSIDE
    }
    return this.#known[id] === OUTSIDE
  }
}
