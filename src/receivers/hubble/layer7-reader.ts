import { parseAddressBytes } from '../../flow/address-parser.ts'
import { dnsTypeNumber } from '../../flow/dns-names.ts'
import { L7Protocol } from '../../flow/l7.ts'
import type { L7Builder } from '../../flow/l7-builder.ts'
import { ProtobufReader, Wire } from '../../flow/protobuf-reader.ts'

const DNS = 100
const HTTP = 101
/** Counts of a DNS row are one byte wide, lengths two. */
const MOST_ITEMS = 0xff
const MOST_BYTES = 0xffff
const ZERO = 0

/** Fields of `flow.DNS` whose values go to the heap. */
const Dns = { QUERY: 1, IPS: 2, TTL: 3, CNAMES: 4, RCODE: 6, QTYPES: 7, RRTYPES: 8 } as const

/** Reads `flow.Layer7` into rows of an L7 table: DNS and HTTP; of others (Kafka) there is no row. */
export class Layer7Reader {
  /** `L7Protocol` of the row read last. */
  protocol = 0
  readonly #reader = new ProtobufReader()
  readonly #rows: L7Builder

  constructor(rows: L7Builder) {
    this.#rows = rows
  }

  /**
   * @param at of the message in `bytes` @returns what the column `l7` holds; 0 = no row
   * @throws MalformedError
   */
  read(bytes: Uint8Array, at: number, end: number): number {
    const reader = this.#reader
    let [type, latencyNs, protocol, from, to] = [0, 0, 0, 0, 0]
    reader.begin(bytes, at)
    while (reader.next(end)) {
      const { field, wire } = reader
      if (field === 1 && wire === Wire.VARINT) type = reader.varint()
      else if (field === 2 && wire === Wire.VARINT) latencyNs = reader.varint()
      else if ((field === DNS || field === HTTP) && wire === Wire.LENGTH) {
        protocol = field
        to = reader.length(end)
        from = reader.at
        reader.at = to
      } else reader.skip(end)
    }
    this.protocol = protocol === DNS ? L7Protocol.DNS : L7Protocol.HTTP
    if (protocol === DNS) return this.#dns(from, to, type, latencyNs)
    return protocol === HTTP ? this.#http(from, to, type, latencyNs) : 0
  }

  #dns(at: number, end: number, type: number, latencyNs: number): number {
    const rows = this.#rows
    // At most: 16 bytes of an address for the 4 that `::` takes with tag and length.
    if (!rows.reserve(4 * (end - at))) return 0
    const { columns, length: row } = rows
    rows.clearRow()
    columns.protocol[row] = L7Protocol.DNS
    columns.type[row] = type
    columns.latencyNs[row] = latencyNs
    this.#numbers(at, end)
    columns.queryAt[row] = rows.used
    columns.queryBytes[row] = this.#texts(at, end, Dns.QUERY, false)
    columns.typesAt[row] = rows.used
    columns.typeCount[row] = this.#types(at, end, Dns.QTYPES)
    columns.answerTypesAt[row] = rows.used
    columns.answerTypeCount[row] = this.#types(at, end, Dns.RRTYPES)
    columns.addressesAt[row] = rows.used
    columns.addressCount[row] = this.#addresses(at, end)
    columns.namesAt[row] = rows.used
    columns.namesBytes[row] = this.#texts(at, end, Dns.CNAMES, true)
    return ++rows.length
  }

  #numbers(at: number, end: number): void {
    const reader = this.#reader
    const { columns, length: row } = this.#rows
    reader.at = at
    while (reader.next(end)) {
      if (reader.field === Dns.TTL && reader.wire === Wire.VARINT) columns.ttlSeconds[row] = reader.varint()
      else if (reader.field === Dns.RCODE && reader.wire === Wire.VARINT) columns.rcode[row] = reader.varint()
      else reader.skip(end)
    }
  }

  /** Steps to the next value of a field; its end, or -1. */
  #value(end: number, field: number): number {
    const reader = this.#reader
    while (reader.next(end)) {
      if (reader.field === field && reader.wire === Wire.LENGTH) return reader.length(end)
      reader.skip(end)
    }
    return -1
  }

  /** Copies the texts of a field to the heap, a NUL between two. @param all the last one alone otherwise @returns bytes written */
  #texts(at: number, end: number, field: number, all: boolean): number {
    const reader = this.#reader
    const rows = this.#rows
    const from = rows.used
    reader.at = at
    for (let stop = this.#value(end, field); stop >= 0; stop = this.#value(end, field)) {
      if (!all) rows.used = from
      else if (rows.used > from) rows.heap[rows.used++] = ZERO
      // What does not fit the 16 bits of its length is left out; the flow itself still has it.
      const length = Math.min(stop - reader.at, Math.max(0, MOST_BYTES - (rows.used - from)))
      for (let i = 0; i < length; i++) rows.heap[rows.used++] = reader.bytes[reader.at + i]!
      reader.at = stop
    }
    return Math.min(rows.used - from, MOST_BYTES)
  }

  /** @returns types written */
  #types(at: number, end: number, field: number): number {
    const reader = this.#reader
    const rows = this.#rows
    let count = 0
    reader.at = at
    for (let stop = this.#value(end, field); stop >= 0 && count < MOST_ITEMS; stop = this.#value(end, field)) {
      const type = dnsTypeNumber(
        String.fromCharCode(...reader.bytes.subarray(reader.at, Math.min(stop, reader.at + 16))),
      )
      rows.heap[rows.used++] = type & 0xff
      rows.heap[rows.used++] = type >>> 8
      reader.at = stop
      count++
    }
    return count
  }

  /** @returns addresses written */
  #addresses(at: number, end: number): number {
    const reader = this.#reader
    const rows = this.#rows
    let count = 0
    reader.at = at
    for (let stop = this.#value(end, Dns.IPS); stop >= 0 && count < MOST_ITEMS; stop = this.#value(end, Dns.IPS)) {
      if (parseAddressBytes({ bytes: reader.bytes, at: reader.at, end: stop }, rows.heap, rows.used)) {
        rows.used += 16
        count++
      }
      reader.at = stop
    }
    return count
  }

  #http(at: number, end: number, type: number, latencyNs: number): number {
    const reader = this.#reader
    let [code, method, url, protocol] = [0, '', '', '']
    const headers: [string, string][] = []
    reader.at = at
    while (reader.next(end)) {
      const { field, wire } = reader
      if (field === 1 && wire === Wire.VARINT) code = reader.varint()
      else if (wire !== Wire.LENGTH) reader.skip(end)
      else if (field === 2) method = reader.text(end)
      else if (field === 3) url = reader.text(end)
      else if (field === 4) protocol = reader.text(end)
      else if (field === 5) headers.push(this.#header(end))
      else reader.skip(end)
    }
    return this.#rows.addHttp({ type, latencyNs, code, method, url, protocol, headers })
  }

  #header(outer: number): [string, string] {
    const reader = this.#reader
    const end = reader.length(outer)
    let [key, value] = ['', '']
    while (reader.next(end)) {
      if (reader.field === 1 && reader.wire === Wire.LENGTH) key = reader.text(end)
      else if (reader.field === 2 && reader.wire === Wire.LENGTH) value = reader.text(end)
      else reader.skip(end)
    }
    return [key, value]
  }
}
