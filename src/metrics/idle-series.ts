import { type Family, OVERFLOW } from './family.ts'

/** Removes series of one family that did not change for a time. Costs nothing where series are written: values are compared at each sweep. */
export class IdleSeries {
  readonly #family: Family
  readonly #ttlMs: number
  readonly #clock: () => number
  #seen = new Float64Array(8)
  #changedMs = new Float64Array(8)

  /** @param ttlMs a series goes at the first sweep that finds it unchanged for this long */
  constructor(family: Family, ttlMs: number, clock: () => number = Date.now) {
    this.#family = family
    this.#ttlMs = ttlMs
    this.#clock = clock
    family.watchRemovals((id) => {
      this.#seen[id] = 0
      this.#changedMs[id] = 0
    })
  }

  /** Returns how many series it removed. */
  sweep(): number {
    const nowMs = this.#clock()
    const idle: number[] = []
    for (const id of this.#family.ids()) {
      if (id === OVERFLOW) continue
      this.#grow(id)
      const activity = this.#family.activity(id)
      if (activity !== this.#seen[id] || this.#changedMs[id] === 0) {
        this.#seen[id] = activity
        this.#changedMs[id] = nowMs
      } else if (nowMs - this.#changedMs[id]! >= this.#ttlMs) idle.push(id)
    }
    for (const id of idle) this.#family.remove(id)
    return idle.length
  }

  #grow(id: number): void {
    if (id < this.#seen.length) return
    this.#seen = enlarged(this.#seen, id * 2)
    this.#changedMs = enlarged(this.#changedMs, id * 2)
  }
}

function enlarged(array: Float64Array, length: number): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(length)
  larger.set(array)
  return larger
}
