import type { FlowBatch } from './batch.ts'
import type { Endpoint } from './endpoint.ts'
import { Kind, Report } from './enums.ts'
import { fixed64Tag, lengthTag, ProtobufWriter } from './protobuf-writer.ts'
import { tcpStateName } from './summary.ts'

/**
 * `flow.Flow.extensions`: what flows have no field for, as an `Any` with a `google.protobuf.Struct` (Retina does the same).
 * Zero and empty values are left out. The keys are documented in `src/exporters/hubble/README.md`.
 */
const NUMBERS = ['packets', 'bytes', 'weight', 'vlan', 'rtt_us', 'connect_us', 'retransmits'] as const
const TEXTS = [
  'report',
  'reset',
  'tcp_old_state',
  'tcp_new_state',
  'drop_reason',
  'drop_location',
  'source_node',
  'source_zone',
  'destination_node',
  'destination_zone',
] as const

type NumberKey = (typeof NUMBERS)[number]
type TextKey = (typeof TEXTS)[number]

/** Takes the extensions of a row one by one. */
export interface ExtensionSink {
  number(key: NumberKey, value: number): void
  text(key: TextKey, value: string): void
}

/** By `Report`: `first`, `flag`, `interval`, … */
const REPORTS: readonly string[] = Object.keys(Report).map((name) => (name === 'NONE' ? '' : name.toLowerCase()))

/** Hands every extension of the row to `sink`. */
export function visitExtensions(batch: FlowBatch, row: number, sink: ExtensionSink): void {
  const { packets, bytes, weight, vlan, rttUs, report, kind, dropReasonName, dropLocation } = batch.columns
  if (packets[row] !== 0) sink.number('packets', packets[row]!)
  if (bytes[row] !== 0) sink.number('bytes', bytes[row]!)
  if (report[row] !== 0) sink.text('report', REPORTS[report[row]!] ?? '')
  if (weight[row] !== 1) sink.number('weight', weight[row]!)
  if (vlan[row] !== 0) sink.number('vlan', vlan[row]!)
  if (rttUs[row] !== 0) sink.number('rtt_us', rttUs[row]!)
  if (kind[row]! >= Kind.TCP_RESET) visitTcpEvent(batch, row, sink)
  if (dropReasonName[row] !== 0) sink.text('drop_reason', batch.strings[dropReasonName[row]!]!)
  if (dropLocation[row] !== 0) sink.text('drop_location', batch.strings[dropLocation[row]!]!)
}

/** Hands on what Hubble's endpoints have no field for: node and zone of both ends. */
export function visitEnds(source: Endpoint, destination: Endpoint, sink: ExtensionSink): void {
  if (source.nodeName) sink.text('source_node', source.nodeName)
  if (source.zone) sink.text('source_zone', source.zone)
  if (destination.nodeName) sink.text('destination_node', destination.nodeName)
  if (destination.zone) sink.text('destination_zone', destination.zone)
}

function visitTcpEvent(batch: FlowBatch, row: number, sink: ExtensionSink): void {
  const detail = batch.columns.detail[row]!
  switch (batch.columns.kind[row]) {
    case Kind.TCP_RESET:
      sink.text('reset', detail === 2 ? 'received' : 'sent')
      break
    case Kind.TCP_CONNECT:
      sink.number('connect_us', detail)
      break
    case Kind.TCP_CLOSE:
      if (detail !== 0) sink.number('retransmits', detail)
      break
    case Kind.TCP_STATE:
      sink.text('tcp_old_state', tcpStateName(detail >>> 8))
      sink.text('tcp_new_state', tcpStateName(detail & 0xff))
  }
}

const TYPE_URL = field((writer) => writer.textField(lengthTag(1), 'type.googleapis.com/google.protobuf.Struct'))
const KEYS = Object.fromEntries(
  [...NUMBERS, ...TEXTS].map((key) => [key, field((writer) => writer.textField(lengthTag(1), key))]),
) as Readonly<Record<NumberKey | TextKey, Uint8Array>>

function field(write: (writer: ProtobufWriter) => void): Uint8Array {
  const writer = new ProtobufWriter()
  writer.begin()
  write(writer)
  return writer.finish().slice()
}

/** Writes each extension as an entry of `google.protobuf.Struct.fields`. */
class StructWriter implements ExtensionSink {
  readonly #writer: ProtobufWriter

  constructor(writer: ProtobufWriter) {
    this.#writer = writer
  }

  number(key: NumberKey, value: number): void {
    const mark = this.#writer.written
    this.#writer.doubleField(fixed64Tag(2), value)
    this.#entry(key, mark)
  }

  text(key: TextKey, value: string): void {
    const mark = this.#writer.written
    this.#writer.textField(lengthTag(3), value)
    this.#entry(key, mark)
  }

  #entry(key: NumberKey | TextKey, mark: number): void {
    this.#writer.close(lengthTag(2), mark)
    this.#writer.raw(KEYS[key])
    this.#writer.close(lengthTag(1), mark)
  }
}

/** Writes `flow.Flow.extensions` of rows; nothing where a row has none. */
export class ExtensionsWriter {
  readonly #writer: ProtobufWriter
  readonly #sink: StructWriter

  constructor(writer: ProtobufWriter) {
    this.#writer = writer
    this.#sink = new StructWriter(writer)
  }

  write(batch: FlowBatch, row: number, source: Endpoint, destination: Endpoint): void {
    const mark = this.#writer.written
    visitExtensions(batch, row, this.#sink)
    visitEnds(source, destination, this.#sink)
    if (this.#writer.written === mark) return
    this.#writer.close(lengthTag(2), mark)
    this.#writer.raw(TYPE_URL)
    this.#writer.close(lengthTag(150_000), mark)
  }
}
