import { Family, type FamilyOptions, OVERFLOW } from '../../metrics/family.ts'

/**
 * A metric whose numbers are read as they are, not added up: a series is told as long as readings have it, and a counter
 * that fell (an interface made anew, a driver reset) begins again as a new series.
 */
export class ReadFamily {
  readonly family: Family
  #current = new Set<number>()
  #before = new Set<number>()
  /** Of all that found no room, in this reading and in the one before. */
  #overflow = 0
  #overflowBefore = 0

  /** @param clock gives the time since which a new series has been counting */
  constructor(options: FamilyOptions, clock: () => number) {
    this.family = new Family(options, clock)
  }

  /** Before the numbers of a reading. */
  begin(): void {
    this.#before = this.#current
    this.#current = new Set()
    this.#overflowBefore = this.#overflow
    this.#overflow = 0
  }

  /** @param labels values in the order of the family's labels */
  tell(value: number, ...labels: readonly string[]): void {
    const { family } = this
    let id = family.series(...labels)
    // Whatever found no room stands in one series.
    if (id === OVERFLOW) {
      this.#overflow += value
      return
    }
    if (family.kind === 'counter' && value < family.value(id)) {
      family.remove(id)
      this.#before.delete(id)
      id = family.series(...labels)
    }
    this.#current.add(id)
    family.set(id, value)
  }

  /** After them: series that the reading did not have go. */
  end(): void {
    // What a counter of them lost with a series that went is not known of the others: it goes on from where it was.
    const grown = this.#overflow - this.#overflowBefore
    if (this.family.kind === 'gauge') this.family.set(OVERFLOW, this.#overflow)
    else this.family.add(OVERFLOW, Math.max(0, grown))
    for (const id of this.#before) if (!this.#current.has(id)) this.family.remove(id)
  }
}
