import { addressText, MAPPED_WORD } from './address.ts'
import type { FlowBatch } from './batch.ts'
import type { Endpoint } from './endpoint.ts'
import { Reply, TCP_FLAG_FIELDS } from './enums.ts'
import { lengthTag, type ProtobufWriter, varintTag } from './protobuf-writer.ts'

/** Parts of `flow.Flow` (field numbers: `src/hubble/proto/flow/flow.proto`). Each function writes one field, its own fields last first. */

/** What `write` writes, as bytes of its own. */
export function encoded(writer: ProtobufWriter, write: (writer: ProtobufWriter) => void): Uint8Array {
  writer.begin()
  write(writer)
  return writer.finish().slice()
}

export function optional(writer: ProtobufWriter, field: number, value: number): void {
  if (value !== 0) writer.varintField(varintTag(field), value)
}

export function optionalText(writer: ProtobufWriter, field: number, text: string): void {
  if (text !== '') writer.textField(lengthTag(field), text)
}

export function writeTime(writer: ProtobufWriter, tag: number, seconds: number, nanos: number): void {
  const mark = writer.written
  optional(writer, 2, nanos)
  optional(writer, 1, seconds)
  writer.close(tag, mark)
}

export function writeEmitter(writer: ProtobufWriter, emitter: { name: string; version: string }): void {
  const mark = writer.written
  optionalText(writer, 2, emitter.version)
  optionalText(writer, 1, emitter.name)
  writer.close(lengthTag(41), mark)
}

/** Field 3 of `flow.TCP`: present without any flag, as Hubble has it. */
export function writeTcpFlags(writer: ProtobufWriter, flags: number): void {
  const mark = writer.written
  for (let i = TCP_FLAG_FIELDS.length - 1; i >= 0; i--)
    if (flags & TCP_FLAG_FIELDS[i]!) writer.varintField(varintTag(i + 1), 1)
  writer.close(lengthTag(3), mark)
}

/** Fields 1 and 2: ports, or type and code. */
export function writePair(writer: ProtobufWriter, first: number, second: number): void {
  optional(writer, 2, second)
  optional(writer, 1, first)
}

export function writeIp(writer: ProtobufWriter, batch: FlowBatch, row: number): void {
  const { ipVersion, sourceAddress, destinationAddress } = batch.columns
  if (ipVersion[row] === 0) return
  const mark = writer.written
  writer.varintField(varintTag(3), ipVersion[row] === 4 ? 1 : 2)
  writeAddress(writer, 2, destinationAddress, row)
  writeAddress(writer, 1, sourceAddress, row)
  writer.close(lengthTag(5), mark)
}

const scratch = new Uint32Array(1)
const octets = new Uint8Array(scratch.buffer)

/** A text field with the address at `row` of an address column. */
export function writeAddress(writer: ProtobufWriter, field: number, column: Uint32Array, row: number): void {
  const at = row * 4
  if (column[at] !== 0 || column[at + 1] !== 0 || column[at + 2] !== MAPPED_WORD) {
    writer.textField(lengthTag(field), addressText(column, row))
    return
  }
  const mark = writer.written
  scratch[0] = column[at + 3]!
  for (let i = 3; i >= 0; i--) {
    writeDecimal(writer, octets[i]!)
    if (i > 0) writer.byte(0x2e)
  }
  writer.close(lengthTag(field), mark)
}

function writeDecimal(writer: ProtobufWriter, value: number): void {
  let rest = value
  do {
    writer.byte(0x30 + (rest % 10))
    rest = (rest / 10) | 0
  } while (rest > 0)
}

export function writeEventType(writer: ProtobufWriter, type: number, subType: number): void {
  if (type === 0) return
  const mark = writer.written
  optional(writer, 2, subType)
  optional(writer, 1, type)
  writer.close(lengthTag(19), mark)
}

/** `BoolValue`: present and empty means false. */
export function writeIsReply(writer: ProtobufWriter, reply: number): void {
  if (reply === Reply.UNKNOWN) return
  const mark = writer.written
  if (reply === Reply.YES) writer.varintField(varintTag(1), 1)
  writer.close(lengthTag(26), mark)
}

export function writeInterface(writer: ProtobufWriter, batch: FlowBatch, row: number): void {
  const index = batch.columns.interfaceIndex[row]!
  const name = batch.strings[batch.columns.interfaceName[row]!]!
  if (index === 0 && name === '') return
  const mark = writer.written
  optionalText(writer, 2, name)
  optional(writer, 1, index)
  writer.close(lengthTag(28), mark)
}

/** @param names joined by `,` */
export function writeNames(writer: ProtobufWriter, field: number, names: string): void {
  if (names === '') return
  if (names.includes(',')) for (const name of names.split(',').reverse()) writer.textField(lengthTag(field), name)
  else writer.textField(lengthTag(field), names)
}

export function writeEndpoint(writer: ProtobufWriter, endpoint: Endpoint): void {
  optionalText(writer, 7, endpoint.clusterName)
  for (const { name, kind } of endpoint.workloads.toReversed()) {
    const mark = writer.written
    optionalText(writer, 2, kind)
    optionalText(writer, 1, name)
    writer.close(lengthTag(6), mark)
  }
  optionalText(writer, 5, endpoint.podName)
  for (const label of endpoint.labels.toReversed()) writer.textField(lengthTag(4), label)
  optionalText(writer, 3, endpoint.namespace)
  optional(writer, 2, endpoint.identity)
  optional(writer, 1, endpoint.localId)
}
