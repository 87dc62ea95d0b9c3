import type { OwnershipLimits } from './ownership.ts'

/** How an owner was shown until something of it changed. */
export interface PastEnd {
  readonly owner: number
  /** Endpoint ids by number of the service it was shown as; 0 = as itself. */
  readonly ids: Map<number, number>
  /** Unix ms of the change. */
  readonly untilMs: number
}

/** How owners were shown before, for flows of that time that come late. */
export class PastEnds {
  /** Forgotten before their time because of `maxHistory`. */
  evicted = 0
  readonly #limits: OwnershipLimits
  readonly #forgotten: (past: PastEnd) => void
  readonly #clock: () => number
  /** By owner, oldest first. */
  readonly #byOwner = new Map<number, PastEnd[]>()
  /** Oldest first. */
  readonly #order = new Set<PastEnd>()

  /** @param forgotten told of each one nobody can ask for any more */
  constructor(limits: OwnershipLimits, forgotten: (past: PastEnd) => void, clock: () => number = Date.now) {
    this.#limits = limits
    this.#forgotten = forgotten
    this.#clock = clock
  }

  get size(): number {
    return this.#order.size
  }

  /** All of them, oldest first. */
  values(): Iterable<PastEnd> {
    return this.#order
  }

  has(owner: number): boolean {
    return this.#byOwner.has(owner)
  }

  /** Writes down how the owner was shown until now. @returns now, Unix ms */
  add(owner: number, ids: Map<number, number>): number {
    const past = { owner, ids, untilMs: this.#clock() }
    const list = this.#byOwner.get(owner)
    if (list === undefined) this.#byOwner.set(owner, [past])
    else list.push(past)
    this.#order.add(past)
    const [oldest] = this.#order
    if (this.#order.size > this.#limits.maxHistory && oldest !== undefined) {
      this.evicted++
      this.#forget(oldest)
    }
    return past.untilMs
  }

  /** How the owner was shown at a time; undefined = as now. */
  at(owner: number, timeMs: number): PastEnd | undefined {
    return this.#byOwner.get(owner)?.find(({ untilMs }) => timeMs < untilMs)
  }

  /** Forgets how an owner was shown. */
  forget(owner: number): void {
    for (const past of [...(this.#byOwner.get(owner) ?? [])]) this.#forget(past)
  }

  /** Forgets what is long past. To be called every few seconds. */
  sweep(): void {
    const before = this.#clock() - this.#limits.historyMs
    for (const past of this.#order) {
      if (past.untilMs >= before) return
      this.#forget(past)
    }
  }

  #forget(past: PastEnd): void {
    const list = this.#byOwner.get(past.owner) ?? []
    list.splice(list.indexOf(past), 1)
    if (list.length === 0) this.#byOwner.delete(past.owner)
    this.#order.delete(past)
    this.#forgotten(past)
  }
}
