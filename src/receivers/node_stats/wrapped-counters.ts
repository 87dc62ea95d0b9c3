const WRAP = 2 ** 32
const HALF = WRAP / 2

interface Known {
  /** As the kernel told it last. */
  told: number
  total: number
}

/**
 * Counters of 32 bits that begin again at 0 beyond their largest number, made into ones that go on. One that falls from its
 * upper half into its lower has come around; one that falls otherwise was reset, and begins again here as well.
 */
export class WrappedCounters {
  readonly #known = new Map<number, Known[]>()

  /** @param of number of the group of counters: there are few groups, and all of them stay known @returns the numbers, made to go on */
  extend(of: number, counts: Float64Array): Float64Array {
    const known = this.#known.get(of) ?? []
    this.#known.set(of, known)
    return counts.map((told, i) => {
      const before = known[i] ?? { told: 0, total: 0 }
      const total = next(before, told)
      known[i] = { told, total }
      return total
    })
  }
}

function next({ told: before, total }: Known, told: number): number {
  if (told >= before) return total + told - before
  return before >= HALF && told < HALF ? total + told + WRAP - before : told
}
