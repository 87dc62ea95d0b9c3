import type { FlowBatch } from '../../../flow/batch.ts'
import { Direction } from '../../../flow/enums.ts'
import type { EndSources } from './end-sources.ts'
import { EMPTY, type EndpointValues } from './endpoint-values.ts'
import type { End } from './row-values.ts'

/** One or more labels of a row that one number stands for. */
export interface LabelPart {
  readonly names: readonly string[]
  /** 0 = these labels are empty. @param source @param destination endpoint ids of the ends */
  number(batch: FlowBatch, row: number, source: number, destination: number): number
  values(number: number): readonly string[]
  /** Where its values come from, as far as endpoints give them. */
  readonly readings: readonly EndpointValues[]
}

/** Labels that the endpoint alone tells. */
export class EndpointPart implements LabelPart {
  readonly names: readonly string[]
  readonly readings: readonly EndpointValues[]
  readonly #values: EndpointValues
  readonly #isSource: boolean

  constructor(names: readonly string[], end: End, values: EndpointValues) {
    this.names = names
    this.readings = [values]
    this.#values = values
    this.#isSource = end === 'source'
  }

  number(_batch: FlowBatch, _row: number, source: number, destination: number): number {
    return this.#values.number(this.#isSource ? source : destination) - EMPTY
  }

  values(number: number): readonly string[] {
    return this.#values.values(number + EMPTY)
  }
}

/** The address of an end. */
export class AddressPart implements LabelPart {
  readonly names: readonly string[]
  readonly readings = []
  readonly #sources: EndSources
  readonly #isSource: boolean

  constructor(name: string, end: End, sources: EndSources) {
    this.names = [name]
    this.#sources = sources
    this.#isSource = end === 'source'
  }

  number({ columns }: FlowBatch, row: number): number {
    const column = this.#isSource ? columns.sourceAddress : columns.destinationAddress
    return this.#sources.addresses.number(column, row, columns.ipVersion[row]!)
  }

  values(number: number): readonly string[] {
    return [this.#sources.addresses.text(number)]
  }
}

/** The DNS names of an end, joined by `,`. */
export class NamePart implements LabelPart {
  readonly names: readonly string[]
  readonly readings = []
  readonly #sources: EndSources
  readonly #isSource: boolean

  constructor(name: string, end: End, sources: EndSources) {
    this.names = [name]
    this.#sources = sources
    this.#isSource = end === 'source'
  }

  number({ columns }: FlowBatch, row: number): number {
    return this.#sources.names.number((this.#isSource ? columns.sourceNames : columns.destinationNames)[row]!)
  }

  values(number: number): readonly string[] {
    return [this.#sources.names.text(number)]
  }
}

/** `flow.TrafficDirection` in lower case, `unknown` where there is none. */
export class DirectionPart implements LabelPart {
  readonly names: readonly string[]
  readonly readings = []

  constructor(name: string) {
    this.names = [name]
  }

  number({ columns }: FlowBatch, row: number): number {
    // Never 0: these labels are not empty.
    return columns.direction[row]! + 1
  }

  values(number: number): readonly string[] {
    return [number === Direction.INGRESS + 1 ? 'ingress' : number === Direction.EGRESS + 1 ? 'egress' : 'unknown']
  }
}
