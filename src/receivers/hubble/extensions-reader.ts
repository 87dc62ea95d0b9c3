import type { FlowBatch } from '../../flow/batch.ts'
import { Kind, Report } from '../../flow/enums.ts'
import { ProtobufReader, Wire } from '../../flow/protobuf-reader.ts'
import { tcpState } from '../../flow/summary.ts'

const STRUCT = 'type.googleapis.com/google.protobuf.Struct'

/** Columns that hold a number of the extensions as it is. */
const NUMBERS = { packets: 'packets', bytes: 'bytes', weight: 'weight', vlan: 'vlan', rtt_us: 'rttUs' } as const
/** Columns that hold a text of them. */
const TEXTS = { drop_reason: 'dropReasonName', drop_location: 'dropLocation' } as const

/**
 * Reads what another fovea agent says of a flow beyond Hubble's fields (`src/flow/hubble-extensions.ts`: a
 * `google.protobuf.Struct` in an `Any`) back into columns, so that exact counts come through a gateway.
 */
export class ExtensionsReader {
  readonly #reader = new ProtobufReader()
  #number = 0
  #text = ''

  /** @param at of the `Any` in `bytes` @throws MalformedError */
  read(bytes: Uint8Array, at: number, end: number, batch: FlowBatch, row: number): void {
    const reader = this.#reader
    let isStruct = false
    let [from, to] = [0, 0]
    reader.begin(bytes, at)
    while (reader.next(end)) {
      const { field, wire } = reader
      if (field === 1 && wire === Wire.LENGTH) isStruct = reader.text(end) === STRUCT
      else if (field === 2 && wire === Wire.LENGTH) {
        to = reader.length(end)
        from = reader.at
        reader.at = to
      } else reader.skip(end)
    }
    if (isStruct) this.#entries(from, to, batch, row)
  }

  #entries(at: number, end: number, batch: FlowBatch, row: number): void {
    const reader = this.#reader
    reader.at = at
    while (reader.next(end)) {
      if (reader.field === 1 && reader.wire === Wire.LENGTH) this.#entry(reader.length(end), batch, row)
      else reader.skip(end)
    }
  }

  #entry(end: number, batch: FlowBatch, row: number): void {
    const reader = this.#reader
    let key = ''
    this.#number = 0
    this.#text = ''
    while (reader.next(end)) {
      if (reader.field === 1 && reader.wire === Wire.LENGTH) key = reader.text(end)
      else if (reader.field === 2 && reader.wire === Wire.LENGTH) this.#value(reader.length(end))
      else reader.skip(end)
    }
    this.#take(key, batch, row)
  }

  /** `google.protobuf.Value` */
  #value(end: number): void {
    const reader = this.#reader
    while (reader.next(end)) {
      if (reader.field === 2 && reader.wire === Wire.FIXED64) this.#number = reader.double(end)
      else if (reader.field === 3 && reader.wire === Wire.LENGTH) this.#text = reader.text(end)
      else reader.skip(end)
    }
  }

  #take(key: string, batch: FlowBatch, row: number): void {
    const { columns } = batch
    if (Object.hasOwn(NUMBERS, key)) columns[NUMBERS[key as keyof typeof NUMBERS]][row] = this.#number
    else if (Object.hasOwn(TEXTS, key)) columns[TEXTS[key as keyof typeof TEXTS]][row] = batch.intern(this.#text)
    else this.#event(key, batch, row)
    if (key === 'packets' && columns.kind[row] === 0) columns.kind[row] = Kind.PACKETS
  }

  #event(key: string, { columns }: FlowBatch, row: number): void {
    switch (key) {
      case 'report':
        columns.report[row] = Report[this.#text.toUpperCase() as keyof typeof Report] ?? 0
        break
      case 'reset':
        columns.kind[row] = Kind.TCP_RESET
        columns.detail[row] = this.#text === 'received' ? 2 : 1
        break
      case 'connect_us':
        columns.kind[row] = Kind.TCP_CONNECT
        columns.detail[row] = this.#number
        break
      case 'retransmits':
        columns.kind[row] = Kind.TCP_CLOSE
        columns.detail[row] = this.#number
        break
      case 'tcp_old_state':
        columns.kind[row] = Kind.TCP_STATE
        columns.detail[row] = (tcpState(this.#text) << 8) | (columns.detail[row]! & 0xff)
        break
      case 'tcp_new_state':
        columns.kind[row] = Kind.TCP_STATE
        columns.detail[row] = (columns.detail[row]! & 0xff00) | tcpState(this.#text)
    }
  }
}
