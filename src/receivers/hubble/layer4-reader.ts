import type { Columns } from '../../flow/columns.ts'
import { Protocol, TCP_FLAG_FIELDS } from '../../flow/enums.ts'
import { type ProtobufReader, Wire } from '../../flow/protobuf-reader.ts'

/** IP protocol by member of `flow.Layer4`. */
const PROTOCOLS = [
  0,
  Protocol.TCP,
  Protocol.UDP,
  Protocol.ICMP,
  Protocol.ICMPV6,
  Protocol.SCTP,
  Protocol.VRRP,
  Protocol.IGMP,
]

/** Reads `flow.Layer4`, which begins where the reader is, into a row. @throws MalformedError */
export function readLayer4(reader: ProtobufReader, outer: number, columns: Columns, row: number): void {
  while (reader.next(outer)) {
    const protocol = PROTOCOLS[reader.field]
    if (protocol === undefined || reader.wire !== Wire.LENGTH) {
      reader.skip(outer)
      continue
    }
    columns.protocol[row] = protocol
    const end = reader.length(outer)
    switch (protocol) {
      case Protocol.TCP:
        readTcp(reader, end, columns, row)
        break
      case Protocol.UDP:
      case Protocol.SCTP:
        readPair(reader, end, columns.sourcePort, columns.destinationPort, row)
        break
      case Protocol.ICMP:
      case Protocol.ICMPV6:
        readPair(reader, end, columns.icmpType, columns.icmpCode, row)
    }
    reader.at = end
  }
}

/** Reads the numbers 1 and 2 of a message. @throws MalformedError */
export function readPair(
  reader: ProtobufReader,
  end: number,
  first: Uint16Array | Uint8Array,
  second: Uint16Array | Uint8Array,
  row: number,
): void {
  while (reader.next(end)) {
    if (reader.wire !== Wire.VARINT) reader.skip(end)
    else if (reader.field === 1) first[row] = reader.varint()
    else if (reader.field === 2) second[row] = reader.varint()
    else reader.varint()
  }
}

function readTcp(reader: ProtobufReader, end: number, columns: Columns, row: number): void {
  while (reader.next(end)) {
    const { field, wire } = reader
    if (field === 3 && wire === Wire.LENGTH) columns.tcpFlags[row] = readFlags(reader, reader.length(end))
    else if (wire !== Wire.VARINT) reader.skip(end)
    else if (field === 1) columns.sourcePort[row] = reader.varint()
    else if (field === 2) columns.destinationPort[row] = reader.varint()
    else reader.varint()
  }
}

function readFlags(reader: ProtobufReader, end: number): number {
  let flags = 0
  while (reader.next(end)) {
    const bit = TCP_FLAG_FIELDS[reader.field - 1] ?? 0
    if (reader.wire !== Wire.VARINT) reader.skip(end)
    else if (reader.varint() !== 0) flags |= bit
  }
  return flags
}
