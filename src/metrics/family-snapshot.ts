import type { Exemplar } from './exemplars.ts'
import type { Family } from './family.ts'

/** Copies of a family's numbers. */
export interface FamilyNumbers {
  /** 1 = the row is a series. */
  live: Uint8Array
  /** counter and gauge: the value; histogram: the sum. */
  values: Float64Array
  /** histogram: per series `buckets.length + 1` counts. */
  counts: Float64Array
}

/**
 * All numbers of a family as they were at one moment, to be read in pieces while flows go on being counted. Label values
 * are read where they are: a series that is removed meanwhile is no longer told, so its row's next labels never meet its
 * numbers. To be closed.
 */
export class FamilySnapshot {
  readonly family: Family
  readonly #numbers: FamilyNumbers
  readonly #unwatch: () => void

  /** For `Family.snapshot`. @param numbers copies, owned by the snapshot; row 0 is live when the overflow series was used */
  constructor(family: Family, numbers: FamilyNumbers) {
    this.family = family
    this.#numbers = numbers
    this.#unwatch = family.watchRemovals((id) => {
      if (id < numbers.live.length) numbers.live[id] = 0
    })
  }

  close(): void {
    this.#unwatch()
  }

  /** Ids of the series that are still there, the overflow series first where it was used. */
  *ids(): Generator<number> {
    const { live } = this.#numbers
    for (let id = 0; id < live.length; id++) if (live[id] === 1) yield id
  }

  value(id: number): number {
    return this.#numbers.values[id]!
  }

  /** Counts per bucket of one histogram series, not cumulative; the last one is above every bound. */
  bucketCounts(id: number): Float64Array {
    const width = this.family.buckets.length + 1
    return this.#numbers.counts.subarray(id * width, (id + 1) * width)
  }

  labelValues(id: number): readonly string[] | undefined {
    return this.family.labelValues(id)
  }

  /** The exemplar of a bucket (0 of a counter) as it is now. */
  exemplar(id: number, bucket: number): Readonly<Exemplar> | undefined {
    return this.family.exemplarOf(id, bucket)
  }
}
