import type { FlowBatch } from './batch.ts'
import { dnsTypeName } from './dns-names.ts'
import { L7Type } from './enums.ts'
import { L7Protocol, type L7Table } from './l7.ts'
import { type AttributeWriter, attributeKeys } from './otlp-attributes.ts'
import { Name } from './otlp-names.ts'
import { dnsAddresses } from './summary.ts'

const KEY = attributeKeys(Name)

const L7_TYPES: Readonly<Record<number, string>> = {
  [L7Type.REQUEST]: 'REQUEST',
  [L7Type.RESPONSE]: 'RESPONSE',
  [L7Type.SAMPLE]: 'SAMPLE',
}

/** Writes the attributes of layer 7. @param row of the batch's L7 table */
export function writeLayer7Attributes(out: AttributeWriter, batch: FlowBatch, row: number): void {
  const { protocol, type, latencyNs } = batch.l7.columns
  if (type[row] === L7Type.RESPONSE && latencyNs[row] !== 0) out.number(KEY.latency, latencyNs[row]!)
  if (protocol[row] === L7Protocol.HTTP) writeHttp(out, batch.l7, row)
  else writeDns(out, batch, row)
  out.text(KEY.l7Type, L7_TYPES[type[row]!] ?? 'UNKNOWN_L7_TYPE')
}

/** Headers are left out: they carry secrets, and there is no end of them. */
function writeHttp(out: AttributeWriter, table: L7Table, row: number): void {
  const [method, url, code] = [table.httpMethod(row), table.httpUrl(row), table.httpCode(row)]
  if (code !== 0) out.number(KEY.httpCode, code)
  if (url !== '') out.text(KEY.urlFull, url)
  if (method !== '') out.text(KEY.httpMethod, method)
  const version = /^HTTP\/(.+)$/.exec(table.httpProtocol(row))?.[1]
  if (version !== undefined) out.text(KEY.protocolVersion, version)
  out.text(KEY.l7Protocol, 'http')
}

function writeDns(out: AttributeWriter, batch: FlowBatch, row: number): void {
  const table = batch.l7
  if (table.columns.type[row] === L7Type.RESPONSE) writeAnswer(out, batch, row)
  out.texts(KEY.dnsQtypes, table.types(row).map(dnsTypeName))
  out.text(KEY.dnsName, table.query(row))
  out.text(KEY.l7Protocol, 'dns')
}

function writeAnswer(out: AttributeWriter, batch: FlowBatch, row: number): void {
  const table = batch.l7
  const { rcode, ttlSeconds, addressCount } = table.columns
  const [names, answerTypes] = [table.names(row), table.answerTypes(row)]
  if (names.length > 0) out.texts(KEY.dnsCnames, names)
  if (addressCount[row] !== 0) out.texts(KEY.dnsAnswers, dnsAddresses(batch, row))
  if (answerTypes.length > 0) out.texts(KEY.dnsRrtypes, answerTypes.map(dnsTypeName))
  out.number(KEY.dnsTtl, ttlSeconds[row]!)
  out.number(KEY.dnsRcode, rcode[row]!)
}
