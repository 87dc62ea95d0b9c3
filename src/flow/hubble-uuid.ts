import { lengthTag, type ProtobufWriter } from './protobuf-writer.ts'

/**
 * UUIDs of flows (version 8, RFC 9562 §5.8): 60 random bits of this process, 46 bits of the batch's serial number, 16 bits
 * of the row. The same flow has the same one for every client, nothing is kept for it, and it says where the flow is.
 */

const DIGITS = new TextEncoder().encode('0123456789abcdef')

/** What all UUIDs of this process begin with: `xxxxxxxx-xxxx-8xxx-`. @param random any UUID text */
export function uuidPrefix(random: string): string {
  return `${random.slice(0, 14)}8${random.slice(15, 19)}`
}

/** Writes `flow.Flow.uuid`. @param prefix from {@link uuidPrefix} @param serial of the batch, below 2^46 */
export function writeUuid(writer: ProtobufWriter, prefix: string, serial: number, row: number): void {
  const mark = writer.written
  writeHex(writer, row, 4)
  writeHex(writer, serial >>> 0, 8)
  writer.byte(0x2d)
  writeHex(writer, 0x8000 | (serial / 0x100000000), 4)
  writer.text(prefix)
  writer.close(lengthTag(34), mark)
}

function writeHex(writer: ProtobufWriter, value: number, digits: number): void {
  for (let i = 0, rest = value; i < digits; i++, rest >>>= 4) writer.byte(DIGITS[rest & 15]!)
}

/** Where the flow with this UUID is; undefined when this process did not give it out. */
export function parseUuid(prefix: string, text: string): { serial: number; row: number } | undefined {
  const match = /^([89ab][0-9a-f]{3})-([0-9a-f]{8})([0-9a-f]{4})$/.exec(text.slice(prefix.length))
  if (!text.startsWith(prefix) || match === null) return undefined
  const [high, low, row] = [match[1]!, match[2]!, match[3]!].map((hex) => Number.parseInt(hex, 16))
  return { serial: (high! & 0x3fff) * 0x100000000 + low!, row: row! }
}
