import { MalformedError, type ProtobufReader, Wire } from '../../flow/protobuf-reader.ts'
import type { TextBuffer } from './text-buffer.ts'

/** `google.protobuf.Struct`, the extensions of our flows, as the JSON it stands for; keys sorted, as Go writes maps. */

/** Keys of one struct. Ours have a dozen. */
const MAX_KEYS = 64

/** Structs and lists within each other. */
const MAX_DEPTH = 8

/** Where the entries' keys and values lie, by depth: key from, key to, value from, value to. */
const places = Array.from({ length: MAX_DEPTH }, () => new Int32Array(4 * MAX_KEYS))

/** The struct from the reader's place up to `end`. @throws MalformedError */
export function writeStruct(out: TextBuffer, reader: ProtobufReader, end: number, depth = 0): void {
  if (depth >= MAX_DEPTH) throw new MalformedError(`more than ${MAX_DEPTH} structs within each other`)
  const entries = places[depth]!
  const count = readEntries(reader, end, entries)
  out.byte(0x7b)
  for (let i = 0; i < 4 * count; i += 4) {
    if (i > 0) out.byte(0x2c)
    out.quoted(reader.bytes, entries[i]!, entries[i + 1]!)
    out.byte(0x3a)
    reader.at = entries[i + 2]!
    writeStructValue(out, reader, entries[i + 3]!, depth)
  }
  out.byte(0x7d)
}

/** A `google.protobuf.Value`. @throws MalformedError */
export function writeStructValue(out: TextBuffer, reader: ProtobufReader, end: number, depth = 0): void {
  const before = out.used
  while (reader.next(end)) {
    out.used = before // of several members of a oneof the last one counts
    if (reader.field === 2 && reader.wire === Wire.FIXED64) number(out, reader, end)
    else if (reader.field === 3 && reader.wire === Wire.LENGTH) {
      const stop = reader.length(end)
      out.quoted(reader.bytes, reader.at, stop)
      reader.at = stop
    } else if (reader.field === 4 && reader.wire === Wire.VARINT) out.ascii(reader.varint() === 0 ? 'false' : 'true')
    else if (reader.field === 5) writeStruct(out, reader, reader.length(end), depth + 1)
    else if (reader.field === 6) writeStructList(out, reader, reader.length(end), depth + 1)
    else reader.skip(end)
  }
  if (out.used === before) out.ascii('null')
}

/** A `google.protobuf.ListValue`. @throws MalformedError */
export function writeStructList(out: TextBuffer, reader: ProtobufReader, end: number, depth = 0): void {
  if (depth >= MAX_DEPTH) throw new MalformedError(`more than ${MAX_DEPTH} lists within each other`)
  out.byte(0x5b)
  for (let first = true; reader.next(end); first = false) {
    if (!first) out.byte(0x2c)
    writeStructValue(out, reader, reader.length(end), depth + 1)
  }
  out.byte(0x5d)
}

/** Finds the entries and sorts them by key. Returns how many there are. */
function readEntries(reader: ProtobufReader, end: number, entries: Int32Array): number {
  let count = 0
  while (reader.next(end)) {
    if (count === MAX_KEYS) throw new MalformedError(`a struct of more than ${MAX_KEYS} keys`)
    readEntry(reader, reader.length(end), entries, 4 * count)
    // Few, and nearly in order.
    for (let at = 4 * count; at > 0 && compareKeys(reader.bytes, entries, at - 4, at) > 0; at -= 4) swap(entries, at)
    count++
  }
  return count
}

function readEntry(reader: ProtobufReader, end: number, entries: Int32Array, at: number): void {
  entries.fill(reader.at, at, at + 4)
  while (reader.next(end)) {
    if (reader.wire !== Wire.LENGTH || reader.field > 2) reader.skip(end)
    else {
      const stop = reader.length(end)
      const part = at + 2 * (reader.field - 1)
      entries[part] = reader.at
      entries[part + 1] = stop
      reader.at = stop
    }
  }
}

function compareKeys(bytes: Uint8Array, entries: Int32Array, a: number, b: number): number {
  let [i, j] = [entries[a]!, entries[b]!]
  const [endA, endB] = [entries[a + 1]!, entries[b + 1]!]
  while (i < endA && j < endB && bytes[i] === bytes[j]) {
    i++
    j++
  }
  if (i === endA || j === endB) return endA - i - (endB - j)
  return bytes[i]! - bytes[j]!
}

/** Exchanges the entry at `at` and the one before it. */
function swap(entries: Int32Array, at: number): void {
  for (let i = at; i < at + 4; i++) {
    const value = entries[i]!
    entries[i] = entries[i - 4]!
    entries[i - 4] = value
  }
}

const scratch = new DataView(new ArrayBuffer(8))

function number(out: TextBuffer, reader: ProtobufReader, end: number): void {
  if (reader.at + 8 > end) throw new MalformedError('number is cut off')
  for (let i = 0; i < 8; i++) scratch.setUint8(i, reader.bytes[reader.at++]!)
  const value = scratch.getFloat64(0, true)
  if (Number.isSafeInteger(value) && value >= 0 && !Object.is(value, -0)) out.integer(value)
  else if (Number.isFinite(value)) out.ascii(Object.is(value, -0) ? '-0' : String(value))
  else throw new MalformedError('a struct with a number that JSON does not have')
}
