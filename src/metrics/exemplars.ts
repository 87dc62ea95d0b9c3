/** One observation that a trace tells more of. */
export interface Exemplar {
  /** Trace id, as the flow told it: 32 hexadecimal digits where it is W3C's. */
  traceId: string
  /** What was added, or observed, at that time. */
  value: number
  /** Unix milliseconds. */
  timeMs: number
}

/** Name of the only label, as Hubble writes it. */
export const EXEMPLAR_LABEL = 'traceID'

/** OpenMetrics 1.0, "Exemplars": name and value together are no longer than 128 characters. */
const MAX_ID_LENGTH = 128 - EXEMPLAR_LABEL.length

/**
 * The latest exemplar of every counter series, or of every bucket of a histogram's series: bounded by the series, and
 * without memory for those that no trace told of. A place's object is made once and written over.
 */
export class Exemplars {
  /** Places of a series: 1, or its buckets. */
  readonly #width: number
  readonly #places = new Map<number, Exemplar>()

  /** @param width places of each series */
  constructor(width: number) {
    this.#width = width
  }

  /** Exemplars held. */
  get size(): number {
    return this.#places.size
  }

  /** Keeps an exemplar instead of the one before. An empty trace id, or one that no format could carry, is none. */
  keep(series: number, bucket: number, traceId: string, value: number, timeMs: number): void {
    if (traceId === '' || traceId.length > MAX_ID_LENGTH) return
    const place = series * this.#width + bucket
    const held = this.#places.get(place)
    if (held === undefined) {
      this.#places.set(place, { traceId, value, timeMs })
      return
    }
    held.traceId = traceId
    held.value = value
    held.timeMs = timeMs
  }

  /** The exemplar of a series' bucket (0 of a counter). */
  of(series: number, bucket: number): Exemplar | undefined {
    return this.#places.get(series * this.#width + bucket)
  }

  /** Forgets those of a series. */
  remove(series: number): void {
    for (let bucket = 0; bucket < this.#width; bucket++) this.#places.delete(series * this.#width + bucket)
  }
}
