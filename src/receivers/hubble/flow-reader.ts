import { parseAddress } from '../../flow/address-parser.ts'
import type { FlowBatch } from '../../flow/batch.ts'
import { EventType, Kind, Reply, Verdict } from '../../flow/enums.ts'
import { L7Protocol } from '../../flow/l7.ts'
import type { L7Builder } from '../../flow/l7-builder.ts'
import { MalformedError, ProtobufReader, Wire } from '../../flow/protobuf-reader.ts'
import { ExtensionsReader } from './extensions-reader.ts'
import type { ForeignEndpoints, Part } from './foreign-endpoints.ts'
import { readLayer4, readPair } from './layer4-reader.ts'
import { Layer7Reader } from './layer7-reader.ts'

/** Fields of `flow.Flow` that columns have a place for (`src/hubble/proto/flow/flow.proto`). */
const Field = {
  TIME: 1,
  VERDICT: 2,
  DROP_REASON: 3,
  IP: 5,
  L4: 6,
  SOURCE: 8,
  DESTINATION: 9,
  TYPE: 10,
  SOURCE_NAMES: 13,
  DESTINATION_NAMES: 14,
  L7: 15,
  EVENT_TYPE: 19,
  SOURCE_SERVICE: 20,
  DESTINATION_SERVICE: 21,
  DIRECTION: 22,
  POINT: 24,
  DROP_REASON_DESC: 25,
  IS_REPLY: 26,
  INTERFACE: 28,
  EMITTER: 41,
  EXTENSIONS: 150_000,
} as const

const FOVEA = new TextEncoder().encode('Fovea')
const MOST_SECONDS = 0xffffffff

/** Reads `flow.Flow` into columns: loops over bytes, no objects but texts that are new to the batch. */
export class FlowReader {
  readonly #reader = new ProtobufReader()
  readonly #layer7: Layer7Reader
  readonly #extensions = new ExtensionsReader()
  readonly #endpoints: ForeignEndpoints
  readonly #source: Part = { at: 0, end: 0 }
  readonly #destination: Part = { at: 0, end: 0 }
  readonly #sourceService: Part = { at: 0, end: 0 }
  readonly #destinationService: Part = { at: 0, end: 0 }
  readonly #extension: Part = { at: 0, end: 0 }
  readonly #parts: readonly Part[]
  #fromFovea = false
  /** Names of one end, joined. */
  #sourceNames = ''
  #destinationNames = ''

  constructor(endpoints: ForeignEndpoints, layer7: L7Builder) {
    this.#endpoints = endpoints
    this.#layer7 = new Layer7Reader(layer7)
    this.#parts = [this.#source, this.#destination, this.#sourceService, this.#destinationService, this.#extension]
  }

  /** Fills a zeroed row from `bytes[at, end)`. @throws MalformedError; the row is then half filled */
  read(bytes: Uint8Array, at: number, end: number, batch: FlowBatch, row: number): void {
    const reader = this.#reader
    for (const part of this.#parts) mark(part, 0, 0)
    this.#fromFovea = false
    this.#sourceNames = ''
    this.#destinationNames = ''
    batch.columns.weight[row] = 1
    reader.begin(bytes, at)
    while (reader.next(end)) {
      if (reader.wire === Wire.VARINT) this.#number(reader.field, reader.varint(), batch, row)
      else if (reader.wire !== Wire.LENGTH) reader.skip(end)
      else {
        const stop = reader.length(end)
        this.#part(reader.field, stop, batch, row)
        reader.at = stop
      }
    }
    this.#finish(bytes, batch, row)
  }

  #number(field: number, value: number, { columns }: FlowBatch, row: number): void {
    const small = value <= 0xff ? value : 0
    switch (field) {
      case Field.VERDICT:
        columns.verdict[row] = small
        break
      case Field.DROP_REASON:
        if (columns.dropReason[row] === 0) columns.dropReason[row] = small
        break
      case Field.TYPE:
        columns.type[row] = small
        break
      case Field.DIRECTION:
        columns.direction[row] = small
        break
      case Field.POINT:
        columns.observationPoint[row] = small
        break
      case Field.DROP_REASON_DESC:
        columns.dropReason[row] = small
    }
  }

  /** @param end of the field's value; it begins where the reader is */
  #part(field: number, end: number, batch: FlowBatch, row: number): void {
    const reader = this.#reader
    switch (field) {
      case Field.TIME:
        this.#time(end, batch, row)
        break
      case Field.IP:
        this.#ip(end, batch, row)
        break
      case Field.L4:
        readLayer4(reader, end, batch.columns, row)
        break
      case Field.SOURCE:
        markOnce(this.#source, reader.at, end)
        break
      case Field.DESTINATION:
        markOnce(this.#destination, reader.at, end)
        break
      case Field.SOURCE_SERVICE:
        markOnce(this.#sourceService, reader.at, end)
        break
      case Field.DESTINATION_SERVICE:
        markOnce(this.#destinationService, reader.at, end)
        break
      case Field.SOURCE_NAMES:
        this.#sourceNames = joined(this.#sourceNames, reader.textUntil(end))
        break
      case Field.DESTINATION_NAMES:
        this.#destinationNames = joined(this.#destinationNames, reader.textUntil(end))
        break
      case Field.L7:
        batch.columns.l7[row] = this.#layer7.read(reader.bytes, reader.at, end)
        break
      case Field.EVENT_TYPE:
        readPair(reader, end, batch.columns.eventType, batch.columns.eventSubType, row)
        break
      case Field.IS_REPLY:
        batch.columns.isReply[row] = this.#isTrue(end) ? Reply.YES : Reply.NO
        break
      case Field.INTERFACE:
        this.#interface(end, batch, row)
        break
      case Field.EMITTER:
        this.#fromFovea = this.#isFovea(end)
        break
      case Field.EXTENSIONS:
        mark(this.#extension, reader.at, end)
    }
  }

  #time(end: number, { columns }: FlowBatch, row: number): void {
    const reader = this.#reader
    while (reader.next(end)) {
      if (reader.wire !== Wire.VARINT) reader.skip(end)
      else {
        const { field } = reader
        const value = reader.varint()
        if (value > MOST_SECONDS) continue
        if (field === 1) columns.timeSeconds[row] = value
        else if (field === 2) columns.timeNanos[row] = value
      }
    }
  }

  #ip(end: number, { columns }: FlowBatch, row: number): void {
    const reader = this.#reader
    let version = 0
    while (reader.next(end)) {
      const { field, wire } = reader
      if (field === 3 && wire === Wire.VARINT) version = reader.varint()
      else if ((field === 1 || field === 2) && wire === Wire.LENGTH) {
        const stop = reader.length(end)
        const column = field === 1 ? columns.sourceAddress : columns.destinationAddress
        parseAddress(reader.bytes, reader.at, stop, column, row)
        reader.at = stop
      } else reader.skip(end)
    }
    columns.ipVersion[row] = version === 1 ? 4 : version === 2 ? 6 : 0
  }

  /** `BoolValue` */
  #isTrue(end: number): boolean {
    const reader = this.#reader
    let value = false
    while (reader.next(end)) {
      if (reader.field === 1 && reader.wire === Wire.VARINT) value = reader.varint() !== 0
      else reader.skip(end)
    }
    return value
  }

  /** `flow.Emitter.name`; compared as bytes, every flow has one. */
  #isFovea(end: number): boolean {
    const reader = this.#reader
    let isFovea = false
    while (reader.next(end)) {
      if (reader.field !== 1 || reader.wire !== Wire.LENGTH) {
        reader.skip(end)
        continue
      }
      const stop = reader.length(end)
      isFovea = stop - reader.at === FOVEA.length
      for (let i = 0; i < FOVEA.length && isFovea; i++) isFovea = reader.bytes[reader.at + i] === FOVEA[i]
      reader.at = stop
    }
    return isFovea
  }

  #interface(end: number, batch: FlowBatch, row: number): void {
    const reader = this.#reader
    while (reader.next(end)) {
      if (reader.field === 1 && reader.wire === Wire.VARINT) batch.columns.interfaceIndex[row] = reader.varint()
      else if (reader.field === 2 && reader.wire === Wire.LENGTH)
        batch.columns.interfaceName[row] = batch.intern(reader.text(end))
      else reader.skip(end)
    }
  }

  /** What several fields tell together. */
  #finish(bytes: Uint8Array, batch: FlowBatch, row: number): void {
    const { columns } = batch
    columns.sourceEndpoint[row] = this.#endpoints.id(bytes, this.#source, this.#sourceService)
    columns.destinationEndpoint[row] = this.#endpoints.id(bytes, this.#destination, this.#destinationService)
    if (this.#sourceNames !== '') columns.sourceNames[row] = batch.intern(this.#sourceNames)
    if (this.#destinationNames !== '') columns.destinationNames[row] = batch.intern(this.#destinationNames)
    // Others have keys of their own there, with other meanings.
    if (this.#fromFovea && this.#extension.end > 0)
      this.#extensions.read(bytes, this.#extension.at, this.#extension.end, batch, row)
    // Other rows have a kind only where they count packets: theirs would say that none passed.
    if (columns.verdict[row] === Verdict.DROPPED && columns.eventType[row] === EventType.DROP)
      columns.kind[row] = Kind.DROP
    else if (columns.kind[row] === Kind.PACKETS && columns.l7[row] !== 0 && this.#layer7.protocol === L7Protocol.DNS)
      columns.kind[row] = Kind.DNS
  }
}

function mark(part: Part, at: number, end: number): void {
  part.at = at
  part.end = end
}

/** Of two ends the first would go on unread: no encoder writes two. @throws MalformedError */
function markOnce(part: Part, at: number, end: number): void {
  if (part.end > 0) throw new MalformedError('an end is given twice')
  mark(part, at, end)
}

function joined(names: string, name: string): string {
  return names === '' ? name : `${names},${name}`
}
