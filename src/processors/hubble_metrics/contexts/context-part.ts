import type { FlowBatch } from '../../../flow/batch.ts'
import { Direction } from '../../../flow/enums.ts'
import type { DirectedList } from './context-options.ts'
import type { EndSources } from './end-sources.ts'
import type { EndpointValues } from './endpoint-values.ts'
import { ENDPOINT_IDENTIFIERS } from './identifiers.ts'
import { AddressPart, EndpointPart, type LabelPart, NamePart } from './label-parts.ts'
import type { End } from './row-values.ts'

/** Number of labels that are empty. */
const NOTHING = 0

/** The label `source` or `destination`: of each list the first identifier that says something. */
export class ContextPart implements LabelPart {
  readonly names: readonly string[]
  readonly readings: readonly EndpointValues[]
  /** Parts of all lists; a number is that of a part, times their count, plus its place here, plus 1. */
  readonly #parts: LabelPart[] = []
  /** By `Direction`: places in `#parts`, in order. */
  readonly #lists: readonly (readonly number[])[]

  /** @param name of the label @param end whose contexts it shows */
  constructor(name: string, end: End, list: DirectedList, sources: EndSources) {
    this.names = [name]
    const compile = (identifiers: readonly string[]) =>
      steps(identifiers).map((step) => this.#parts.push(partOf(step, end, sources)) - 1)
    const both = compile(list.both)
    const lists = [both, both, both]
    if (list.ingress.length > 0) lists[Direction.INGRESS] = compile(list.ingress)
    if (list.egress.length > 0) lists[Direction.EGRESS] = compile(list.egress)
    this.#lists = lists
    this.readings = this.#parts.flatMap(({ readings }) => readings)
  }

  number(batch: FlowBatch, row: number, source: number, destination: number): number {
    const list = this.#lists[batch.columns.direction[row]!] ?? this.#lists[Direction.UNKNOWN]!
    for (let i = 0; i < list.length; i++) {
      const place = list[i]!
      const part = this.#parts[place]!
      const number = part.number(batch, row, source, destination)
      if (number !== NOTHING) return number * this.#parts.length + place + 1
    }
    return NOTHING
  }

  values(number: number): readonly string[] {
    if (number === NOTHING) return ['']
    const place = (number - 1) % this.#parts.length
    return this.#parts[place]!.values((number - 1 - place) / this.#parts.length)
  }
}

/** Identifiers next to each other that endpoints give are one step: one number for the first of them that says something. */
function steps(identifiers: readonly string[]): string[][] {
  const found: string[][] = []
  for (const identifier of identifiers) {
    const last = found.at(-1)
    const ofEndpoint = identifier in ENDPOINT_IDENTIFIERS
    if (ofEndpoint && last !== undefined && last[0]! in ENDPOINT_IDENTIFIERS) last.push(identifier)
    else found.push([identifier])
  }
  return found
}

function partOf(step: readonly string[], end: End, sources: EndSources): LabelPart {
  if (step[0] === 'ip') return new AddressPart('', end, sources)
  if (step[0] === 'dns') return new NamePart('', end, sources)
  const readings = step.map((identifier) => ENDPOINT_IDENTIFIERS[identifier]!)
  const values = sources.values(step.join('|'), (endpoint) => {
    for (const read of readings) {
      const text = read(endpoint)
      if (text !== '') return [text]
    }
    return ['']
  })
  return new EndpointPart([''], end, values)
}
