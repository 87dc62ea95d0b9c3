import { MalformedError, ProtobufReader, Wire } from '../../flow/protobuf-reader.ts'
import { type JsonField, type JsonMessage, jsonMessage } from './schema.ts'
import { writeStruct, writeStructList, writeStructValue } from './struct.ts'
import { TextBuffer } from './text-buffer.ts'
import { timeText } from './time-text.ts'

/**
 * Encoded protobuf to JSON (https://protobuf.dev/programming-guides/json) with the names of the proto files, byte for byte
 * what Go's protojson and encoding/json make of it: members in the order of the declaration, 64-bit integers as text,
 * enums by name, default values left out. Fields nobody knows are left out; of a field given twice the last one counts.
 */

/** Messages within messages; more is no flow. */
const MAX_DEPTH = 16

const BRACE = 0x7b
const END_BRACE = 0x7d
const BRACKET = 0x5b
const END_BRACKET = 0x5d
const COMMA = 0x2c
const QUOTE = 0x22

const ascii = (text: string) => new TextEncoder().encode(text)
const TRUE = ascii('true')
const FALSE = ascii('false')
const TYPE_KEY = ascii('"@type":')
const VALUE_KEY = ascii('"value":')
const TYPE_PREFIX = 'type.googleapis.com/'
const STRUCT = 'google.protobuf.Struct'

/** Writes messages as JSON, one after the other, into `out`. */
export class JsonTranscoder {
  readonly out = new TextBuffer()
  readonly #reader = new ProtobufReader()
  /** By depth: where the values of the fields begin that `#scan` found; -1 = not there. */
  readonly #found = Array.from({ length: MAX_DEPTH }, () => new Int32Array(64))

  /**
   * Appends the JSON of one encoded message.
   * @throws MalformedError when the bytes are none; nothing is appended then
   */
  append(message: JsonMessage, bytes: Uint8Array): void {
    const start = this.out.used
    this.#reader.begin(bytes)
    try {
      this.#message(message, bytes.length, 0)
    } catch (error) {
      this.out.used = start
      throw error
    }
  }

  /** The message from the reader's place up to `end`. */
  #message(message: JsonMessage, end: number, depth: number): void {
    if (depth >= MAX_DEPTH) throw new MalformedError(`more than ${MAX_DEPTH} messages within each other`)
    switch (message.shape) {
      case 'object':
        this.out.byte(BRACE)
        this.#members(message, end, depth)
        this.out.byte(END_BRACE)
        break
      case 'timestamp':
        timeText(this.out, this.#reader, end)
        break
      case 'wrapper':
        this.#wrapped(message.fields[0], end)
        break
      case 'any':
        this.#any(end, depth)
        break
      case 'struct':
        writeStruct(this.out, this.#reader, end)
        break
      case 'value':
        writeStructValue(this.out, this.#reader, end)
        break
      case 'list':
        writeStructList(this.out, this.#reader, end)
        break
      default:
        message.shape satisfies never
    }
  }

  #members(message: JsonMessage, end: number, depth: number): void {
    const found = this.#scan(message, end, depth)
    const { fields } = message
    const before = this.out.used
    for (let i = 0; i < fields.length; i++) {
      if (found[i]! < 0) continue
      this.#reader.at = found[i]!
      if (fields[i]!.repeated) this.#list(fields[i]!, end, depth)
      else this.#member(fields[i]!, end, depth)
    }
    if (this.out.used > before) this.out.back()
  }

  /** Where the values of a message's fields begin: of a list the first one, else the last one. */
  #scan(message: JsonMessage, end: number, depth: number): Int32Array {
    const reader = this.#reader
    const found = this.#found[depth]!
    found.fill(-1, 0, message.fields.length)
    while (reader.next(end)) {
      const { field } = reader
      const index = field < 128 ? message.small[field]! : (message.index.get(field) ?? 0)
      if (index !== 0) {
        const known = message.fields[index - 1]!
        if (reader.wire !== wireOf(known)) throw new MalformedError(`field ${field} has wire type ${reader.wire}`)
        if (!known.repeated || found[index - 1]! < 0) found[index - 1] = reader.at
      }
      reader.skip(end)
    }
    return found
  }

  /** Key, value and comma; nothing where the value is the default. */
  #member(field: JsonField, end: number, depth: number): void {
    const start = this.out.used
    this.out.raw(field.key)
    const valueAt = this.out.used
    const present = this.#value(field, end, depth, false)
    if (present && this.out.used > valueAt) this.out.byte(COMMA)
    else this.out.used = start
  }

  /** All values of a repeated field; the reader stands at the first one. */
  #list(field: JsonField, end: number, depth: number): void {
    const reader = this.#reader
    this.out.raw(field.key)
    this.out.byte(BRACKET)
    for (let more = true; more; ) {
      const next = this.#after(field, end)
      this.#value(field, end, depth, true)
      this.out.byte(COMMA)
      reader.at = next
      more = next < end && this.#seek(field.number, end)
    }
    this.out.back()
    this.out.byte(END_BRACKET)
    this.out.byte(COMMA)
  }

  /** Where the value at the reader's place ends; the reader stays. */
  #after(field: JsonField, end: number): number {
    const reader = this.#reader
    const { at } = reader
    reader.wire = wireOf(field)
    reader.skip(end)
    const next = reader.at
    reader.at = at
    return next
  }

  /** Steps to the next value of a field. */
  #seek(number: number, end: number): boolean {
    const reader = this.#reader
    while (reader.next(end)) {
      if (reader.field === number) return true
      reader.skip(end)
    }
    return false
  }

  /** The value at the reader's place. @param always also where it is the default @returns whether it was written */
  #value(field: JsonField, end: number, depth: number, always: boolean): boolean {
    const reader = this.#reader
    if (field.kind === 'message') {
      this.#message(field.message!, reader.length(end), depth + 1)
      return true
    }
    if (field.kind === 'text') {
      const stop = reader.length(end)
      this.out.quoted(reader.bytes, reader.at, stop)
      return always || stop > reader.at
    }
    return this.#scalar(field, always)
  }

  #scalar({ kind, names }: JsonField, always: boolean): boolean {
    const reader = this.#reader
    const { at } = reader
    const value = reader.varint()
    if (value === 0 && !always) return false
    if (kind === 'bool') this.out.raw(value === 0 ? FALSE : TRUE)
    else if (kind === 'enum') {
      const name = names!.get(value)
      if (name === undefined) this.out.integer(value)
      else this.out.raw(name)
    } else if (kind === 'unsigned') this.out.integer(value % 0x1_0000_0000)
    else if (kind === 'signed' && value < 0x8000_0000) this.out.integer(value)
    else this.#large(kind, at)
    return true
  }

  /** 64-bit integers, as text, and negative ones; read anew where a double is not exact. */
  #large(kind: JsonField['kind'], at: number): void {
    const value = this.#reader.bigVarint(at)
    if (kind === 'signed') {
      this.out.ascii(String(BigInt.asIntN(32, value)))
      return
    }
    this.out.byte(QUOTE)
    this.out.ascii(String(kind === 'signed64' ? BigInt.asIntN(64, value) : value))
    this.out.byte(QUOTE)
  }

  /** A wrapper's value is written also where it is the default: that is what wrappers are for. */
  #wrapped(field: JsonField | undefined, end: number): void {
    if (field === undefined) return
    if (this.#seek(field.number, end)) this.#scalar(field, true)
    else if (field.kind === 'bool') this.out.raw(FALSE)
    else this.out.byte(0x30)
  }

  /** Messages of types that are not ours cannot be told in JSON: nothing is written, and the member left out. */
  #any(end: number, depth: number): void {
    const reader = this.#reader
    let [type, from, to] = ['', 0, 0]
    while (reader.next(end)) {
      if (reader.field === 1 && reader.wire === Wire.LENGTH) type = reader.text(end)
      else if (reader.field === 2 && reader.wire === Wire.LENGTH) {
        to = reader.length(end)
        from = reader.at
        reader.at = to
      } else reader.skip(end)
    }
    const message = messageOf(type)
    if (message === undefined) return
    reader.at = from
    this.out.byte(BRACE)
    this.out.raw(TYPE_KEY)
    this.out.ascii(`"${type}",`)
    if (message.shape === 'object') this.#members(message, to, depth + 1)
    else {
      this.out.raw(VALUE_KEY)
      this.#message(message, to, depth + 1)
    }
    // A message without members leaves the comma after the type.
    if (this.out.bytes[this.out.used - 1] === COMMA) this.out.back()
    this.out.byte(END_BRACE)
  }
}

function wireOf({ kind }: JsonField): number {
  if (kind === 'message' || kind === 'text') return Wire.LENGTH
  return kind === 'double' ? Wire.FIXED64 : Wire.VARINT
}

/** Types of an `Any` that are written: the struct that our flows carry, and the API's own. */
function messageOf(type: string): JsonMessage | undefined {
  if (!type.startsWith(TYPE_PREFIX)) return undefined
  const name = type.slice(TYPE_PREFIX.length)
  if (name !== STRUCT && !/^(flow|observer)\.[A-Za-z]+$/.test(name)) return undefined
  try {
    return jsonMessage(name)
  } catch {
    // Not a message of this version of the API.
    return undefined
  }
}
