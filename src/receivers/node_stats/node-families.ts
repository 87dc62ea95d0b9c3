import type { Family, FamilyOptions } from '../../metrics/family.ts'
import { ReadFamily } from './read-family.ts'
import type { NodeReading } from './reading.ts'

/** Numbers of a reading under one convention of names. */
export interface NodeFamilies {
  readonly families: readonly Family[]
  /** Brings the families up to a reading. */
  update(reading: NodeReading): void
}

/** What names are made with. */
export interface NodeFamilySettings {
  /** Most series of one metric. */
  limit: number
  /** Counters of connection tracking by CPU. */
  perCpu: boolean
  /** Unix milliseconds since which new series have been counting. */
  clock(): number
}

/** Tells one number of a family; labels in the order of the family's. */
type Tell = (value: number, ...labels: readonly string[]) => void

/** Families, each with what fills it from a part of a reading. */
export class FilledFamilies implements NodeFamilies {
  readonly #settings: NodeFamilySettings
  readonly #families: Family[] = []
  readonly #updates: ((reading: NodeReading) => void)[] = []

  constructor(settings: NodeFamilySettings) {
    this.#settings = settings
  }

  get families(): readonly Family[] {
    return this.#families
  }

  add<Part extends keyof NodeReading>(
    part: Part,
    options: FamilyOptions,
    fill: (read: NonNullable<NodeReading[Part]>, tell: Tell) => void,
  ): this {
    const { limit, clock } = this.#settings
    const family = new ReadFamily({ limit, ...options }, clock)
    this.#families.push(family.family)
    this.#updates.push((reading) => {
      const read = reading[part]
      // A counter that could not be read stays as it was: told anew later, readers of deltas would count all of it again.
      if (read === undefined && options.kind === 'counter') return
      family.begin()
      if (read !== undefined) fill(read, (value, ...labels) => family.tell(value, ...labels))
      family.end()
    })
    return this
  }

  update(reading: NodeReading): void {
    for (const update of this.#updates) update(reading)
  }
}
