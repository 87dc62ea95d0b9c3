import { PairTable } from '../flow/pair-table.ts'
import type { Family } from './family.ts'

/** Most keys remembered, in 4 MiB; more are forgotten together, and asked for again. */
const MAX_KEYS = 131_072

/** Label values that many metrics share (those of both ends of a flow), by a number. */
export interface SharedLabels {
  /** Label values of a number; last among those of a series. */
  values(id: number): readonly string[]
  /** Grows whenever numbers come to stand for something else. */
  readonly generation: number
}

/** For metrics without shared labels: their one number is 0. */
const NOTHING_SHARED: SharedLabels = { values: () => [], generation: 0 }

/**
 * Series ids by two numbers that stand for a label set, so that hot loops touch no label text: one of labels that several
 * metrics share, and a key of the metric's own. What a key means is told by `labels`, called once per pair.
 */
export class SeriesCache {
  readonly #family: Family
  readonly #labels: (key: number) => readonly string[]
  readonly #shared: SharedLabels
  /** Series id + 1 by both numbers. */
  readonly #ids = new PairTable()
  #generation = 0
  #sharedGeneration = 0

  /**
   * @param labels label values of a key (32 bits), in the order of the family's labels
   * @param shared label values that follow them
   */
  constructor(family: Family, labels: (key: number) => readonly string[], shared: SharedLabels = NOTHING_SHARED) {
    this.#family = family
    this.#labels = labels
    this.#shared = shared
  }

  /** To be called before a batch: forgets ids of series that were removed, and what numbers stood for before. */
  refresh(): void {
    const { generation } = this.#family
    if (this.#generation === generation && this.#sharedGeneration === this.#shared.generation) return
    this.clear()
    this.#generation = generation
    this.#sharedGeneration = this.#shared.generation
  }

  /** Forgets every key, when what keys stand for changes. */
  clear(): void {
    if (this.#ids.size > 0) this.#ids.clear()
  }

  /** Id of the series of a pair, made when new. @param shared below 2^32 − 1 @param key 32 bits, unsigned */
  id(shared: number, key: number): number {
    const known = this.#ids.get(shared, key)
    return known !== 0 ? known - 1 : this.#add(shared, key)
  }

  #add(shared: number, key: number): number {
    const id = this.#family.series(...this.#labels(key), ...this.#shared.values(shared))
    if (this.#ids.size >= MAX_KEYS) this.#ids.clear()
    this.#ids.set(shared, key, id + 1)
    return id
  }
}
