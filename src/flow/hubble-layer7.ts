import type { FlowBatch } from './batch.ts'
import { dnsTypeName } from './dns-names.ts'
import { optional, optionalText } from './hubble-fields.ts'
import { L7Protocol, type L7Table } from './l7.ts'
import { lengthTag, type ProtobufWriter, varintTag } from './protobuf-writer.ts'
import { dnsAddresses } from './summary.ts'

/** `flow.DNS.observation_source`: Cilium says `proxy`; these were read from packets. */
export const DNS_SOURCE = 'packet'

/** Writes `flow.Flow.l7`. @param row of the batch's L7 table */
export function writeLayer7(writer: ProtobufWriter, batch: FlowBatch, row: number): void {
  const { type, latencyNs } = batch.l7.columns
  const mark = writer.written
  if (batch.l7.columns.protocol[row] === L7Protocol.HTTP) writeHttp(writer, batch.l7, row)
  else writeDns(writer, batch, row)
  if (latencyNs[row]! > 0) writer.varintField(varintTag(2), Math.round(latencyNs[row]!))
  if (type[row] !== 0) writer.varintField(varintTag(1), type[row]!)
  writer.close(lengthTag(15), mark)
}

function writeDns(writer: ProtobufWriter, batch: FlowBatch, row: number): void {
  const table = batch.l7
  const { rcode, ttlSeconds } = table.columns
  const mark = writer.written
  texts(writer, 8, table.answerTypes(row).map(dnsTypeName))
  texts(writer, 7, table.types(row).map(dnsTypeName))
  if (rcode[row] !== 0) writer.varintField(varintTag(6), rcode[row]!)
  writer.textField(lengthTag(5), DNS_SOURCE)
  texts(writer, 4, table.names(row))
  if (ttlSeconds[row] !== 0) writer.varintField(varintTag(3), ttlSeconds[row]!)
  texts(writer, 2, dnsAddresses(batch, row))
  const query = table.query(row)
  if (query !== '') writer.textField(lengthTag(1), query)
  writer.close(lengthTag(100), mark)
}

function writeHttp(writer: ProtobufWriter, table: L7Table, row: number): void {
  const mark = writer.written
  for (const [key, value] of table.httpHeaders(row).reverse()) {
    const header = writer.written
    optionalText(writer, 2, value)
    optionalText(writer, 1, key)
    writer.close(lengthTag(5), header)
  }
  optionalText(writer, 4, table.httpProtocol(row))
  optionalText(writer, 3, table.httpUrl(row))
  optionalText(writer, 2, table.httpMethod(row))
  optional(writer, 1, table.httpCode(row))
  writer.close(lengthTag(101), mark)
}

function texts(writer: ProtobufWriter, field: number, list: readonly string[]): void {
  for (let i = list.length - 1; i >= 0; i--) writer.textField(lengthTag(field), list[i]!)
}
