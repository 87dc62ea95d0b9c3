import { type Endpoint, type EndpointTable, WORLD_ENDPOINT } from '../../../flow/endpoint.ts'

/** Endpoints of a block have these numbers and the following; those below are the reserved ones, the same everywhere. */
const FIRST = WORLD_ENDPOINT + 1

/** Numbers the endpoints that a block names, and keeps each as text: ids of the table mean nothing to another process. */
export class EndpointWriter {
  readonly #table: EndpointTable
  /** By id of the table: the block that named it last, and its number there. */
  #named = new Uint32Array(64)
  #numbers = new Uint32Array(64)
  #block = 0
  #texts: string[] = []
  readonly #known = new WeakMap<Endpoint, string>()

  constructor(table: EndpointTable) {
    this.#table = table
  }

  /** Begins a block. */
  begin(): void {
    this.#block++
    this.#texts = []
    if (this.#named.length >= this.#table.size) return
    this.#named = new Uint32Array(2 * this.#table.size)
    this.#numbers = new Uint32Array(2 * this.#table.size)
  }

  /** Replaces ids of the table by numbers of the block. */
  number(ids: Uint32Array, rows: number): void {
    for (let row = 0; row < rows; row++) {
      const id = ids[row]!
      if (id < FIRST) continue
      if (this.#named[id] !== this.#block) {
        this.#named[id] = this.#block
        this.#numbers[id] = FIRST + this.#texts.length
        this.#texts.push(this.#text(this.#table.get(id)))
      }
      ids[row] = this.#numbers[id]!
    }
  }

  /** The endpoints named so far, in order. */
  get texts(): readonly string[] {
    return this.#texts
  }

  #text(endpoint: Endpoint): string {
    const known = this.#known.get(endpoint)
    if (known !== undefined) return known
    const text = JSON.stringify(endpoint)
    this.#known.set(endpoint, text)
    return text
  }
}

/** Gives endpoints of blocks that are in memory ids of the table, each but one however many blocks name it. */
export class EndpointReader {
  readonly #table: EndpointTable
  readonly #held = new Map<string, { id: number; holders: number }>()
  #retired = false

  constructor(table: EndpointTable) {
    this.#table = table
  }

  /** What batches of the block hold on to. */
  get epoch() {
    return this.#table.epoch
  }

  /** Endpoints held now. */
  get size(): number {
    return this.#held.size
  }

  /** Ids by number in the block. To be released. @throws SyntaxError when a text is no JSON */
  acquire(texts: readonly string[]): Uint32Array {
    const parsed = texts.map((text) => (this.#held.has(text) ? undefined : (JSON.parse(text) as Endpoint)))
    const ids = new Uint32Array(FIRST + texts.length)
    for (let id = 0; id < FIRST; id++) ids[id] = id
    texts.forEach((text, i) => {
      let held = this.#held.get(text)
      if (held === undefined) {
        held = { id: this.#table.add(parsed[i]!), holders: 0 }
        this.#held.set(text, held)
      }
      held.holders++
      ids[FIRST + i] = held.id
    })
    return ids
  }

  /** The block is not kept any more; batches that are still read keep their ids by their epoch. */
  release(texts: readonly string[]): void {
    for (const text of texts) {
      const held = this.#held.get(text)
      if (held === undefined || --held.holders > 0) continue
      this.#held.delete(text)
      this.#table.retire(held.id)
      this.#retired = true
    }
  }

  /** Lets ids go that nobody names any more. To be called every few seconds. */
  reclaim(): void {
    if (this.#retired || this.#table.waiting > 0) this.#table.reclaim()
    this.#retired = false
  }
}
