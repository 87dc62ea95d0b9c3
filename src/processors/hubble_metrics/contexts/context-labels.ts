import type { FlowBatch } from '../../../flow/batch.ts'
import { type ContextOptions, isUsed } from './context-options.ts'
import { ContextPart } from './context-part.ts'
import type { EndLabels } from './end-labels.ts'
import type { EndSources, GoneValues } from './end-sources.ts'
import { END_LABELS } from './identifiers.ts'
import { AddressPart, DirectionPart, EndpointPart, type LabelPart } from './label-parts.ts'
import { NumberTuples } from './number-tuples.ts'
import type { End } from './row-values.ts'

/** Most tuples remembered at the beginning of a batch; more are forgotten together. A batch adds no more than it has rows. */
const MAX_TUPLES = 65_536

/** Marks a row that was not asked for. */
const PENDING = 0xffffffff

/** Some labels of a series, by their place among those of the ends. */
export interface GoneLabels {
  readonly at: number
  readonly values: readonly (readonly string[])[]
}

/** The engine behind {@link EndLabels}: each part of the labels is a number, and all of them together are one more. */
export class PartLabels implements EndLabels {
  readonly names: readonly string[]
  generation = 0
  readonly #parts: readonly LabelPart[]
  readonly #sources: EndSources
  readonly #tuples: NumberTuples
  readonly #words: Uint32Array
  #ids = new Uint32Array(64)
  #batch: FlowBatch | undefined
  #sourcesGeneration = 0

  /** @param parts at least one */
  constructor(parts: readonly LabelPart[], sources: EndSources) {
    this.#parts = parts
    this.#sources = sources
    this.names = parts.flatMap(({ names }) => names)
    this.#tuples = new NumberTuples(parts.length)
    this.#words = new Uint32Array(parts.length)
  }

  begin(batch: FlowBatch): void {
    this.#sources.begin(batch)
    const current = this.#sourcesGeneration === this.#sources.generation
    if (current && batch === this.#batch) return
    this.#batch = batch
    if (!current || this.#tuples.size > MAX_TUPLES) {
      this.#tuples.clear()
      this.#sourcesGeneration = this.#sources.generation
      this.generation++
    }
    if (this.#ids.length < batch.length) this.#ids = new Uint32Array(batch.length)
    this.#ids.fill(PENDING, 0, batch.length)
  }

  id(row: number): number {
    const known = this.#ids[row]!
    return known !== PENDING ? known : this.#ask(row)
  }

  values(id: number): readonly string[] {
    return this.#parts.flatMap((part, i) => part.values(this.#tuples.word(id, i)))
  }

  /** The batch is not looked at any more. */
  end(): void {
    this.#batch = undefined
    this.#sources.end()
  }

  /** What of these labels has gone, when endpoints' values have; looked at when it is asked for, as some may be back by then. */
  *gone(dead: GoneValues): Generator<GoneLabels> {
    let at = 0
    for (const part of this.#parts) {
      const live = (values: readonly string[]) => part.readings.some((reading) => reading.isLive(values))
      const values = part.readings.flatMap((reading) => dead.get(reading) ?? []).filter((value) => !live(value))
      if (values.length > 0) yield { at, values }
      at += part.names.length
    }
  }

  #ask(row: number): number {
    const batch = this.#batch!
    const source = this.#sources.endpointId(batch, row, 'source')
    const destination = this.#sources.endpointId(batch, row, 'destination')
    const words = this.#words
    for (let i = 0; i < words.length; i++) words[i] = this.#parts[i]!.number(batch, row, source, destination)
    const id = this.#tuples.number(words)
    this.#ids[row] = id
    return id
  }
}

/**
 * Hubble's contexts as labels.
 * @param swapped what is said of the source is shown as the destination's, and the other way round; contexts are chosen and
 *   read as the flow is
 */
export function contextLabels(options: ContextOptions, sources: EndSources, swapped = false): PartLabels | undefined {
  const [first, second]: [End, End] = swapped ? ['destination', 'source'] : ['source', 'destination']
  const parts: LabelPart[] = [
    ...labelParts('source', first, options.labels, sources),
    ...labelParts('destination', second, options.labels, sources),
  ]
  if (options.labels.includes('traffic_direction')) parts.push(new DirectionPart('traffic_direction'))
  if (isUsed(options.source)) parts.push(new ContextPart('source', first, options[first], sources))
  if (isUsed(options.destination)) parts.push(new ContextPart('destination', second, options[second], sources))
  return parts.length === 0 ? undefined : new PartLabels(parts, sources)
}

/** Labels of `labelsContext` of one end. @param prefix of the names @param end that is read */
function labelParts(prefix: string, end: End, wanted: readonly string[], sources: EndSources): LabelPart[] {
  const parts: LabelPart[] = []
  if (wanted.includes(`${prefix}_ip`)) parts.push(new AddressPart(`${prefix}_ip`, end, sources))
  const labels = Object.keys(END_LABELS).filter((label) => wanted.includes(`${prefix}_${label}`))
  if (labels.length === 0) return parts
  const readings = labels.map((label) => END_LABELS[label]!)
  const values = sources.values(`labels:${labels}`, (endpoint) => readings.map((read) => read(endpoint)))
  const names = labels.map((label) => `${prefix}_${label}`)
  return [...parts, new EndpointPart(names, end, values)]
}
