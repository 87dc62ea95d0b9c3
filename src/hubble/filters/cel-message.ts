import { ProtobufReader, Wire } from '../../flow/protobuf-reader.ts'

/** Encoded messages as CEL sees them: a field is looked for in the bytes when an expression asks for it, and not before. */

/** What a field holds; `dyn` is what CEL cannot know before it looks: wrappers (null when absent) and `Any`. */
export type CelKind = 'string' | 'bool' | 'int' | 'uint' | 'double' | 'timestamp' | 'message' | 'dyn'

export interface CelField {
  name: string
  number: number
  kind: CelKind
  repeated: boolean
  /** Of the message in it, for `message` and `dyn`. */
  type: string
}

/** How numbers and messages become values of CEL. */
export interface CelValues {
  unsigned(value: bigint): unknown
  /** @param type full name of the message */
  message(type: string, bytes: Uint8Array, from: number, to: number): unknown
}

/** Most values of one list: expressions that loop over longer ones fail, and match nothing. */
const LONGEST_LIST = 256

const reader = new ProtobufReader()
const utf8 = new TextDecoder()

/** One message: `bytes[from, to)`. Each type of message is a class of its own, with a getter for each field. */
export class CelMessage {
  readonly #bytes: Uint8Array
  readonly #from: number
  readonly #to: number

  constructor(bytes: Uint8Array, from: number, to: number) {
    this.#bytes = bytes
    this.#from = from
    this.#to = to
  }

  /** The value of a field, its default where it is absent. @throws MalformedError, RangeError for a list that is too long */
  static read(message: CelMessage, field: CelField, values: CelValues): unknown {
    if (field.repeated) return message.#list(field, values)
    const at = message.#last(field)
    const bytes = message.#bytes
    if (at < 0) return absent(field, values)
    return field.kind === 'bool' || field.kind === 'int' || field.kind === 'uint' || field.kind === 'double'
      ? numberAt(bytes, at, field.kind, values)
      : contentAt(bytes, at, field, values)
  }

  /** Whether a field is set, a list not empty. */
  static has(message: CelMessage, field: CelField): boolean {
    return message.#last(field) >= 0
  }

  /** Messages are equal when their bytes are. */
  static equal(one: CelMessage, other: CelMessage): boolean {
    const [a, b] = [one.#bytes.subarray(one.#from, one.#to), other.#bytes.subarray(other.#from, other.#to)]
    return Buffer.compare(a, b) === 0
  }

  /** Where the last value of a field begins; -1 = it has none. */
  #last({ number }: CelField): number {
    let found = -1
    reader.begin(this.#bytes, this.#from)
    while (reader.next(this.#to)) {
      if (reader.field === number) found = reader.at
      reader.skip(this.#to)
    }
    return found
  }

  #list(field: CelField, values: CelValues): unknown[] {
    const places: number[] = []
    reader.begin(this.#bytes, this.#from)
    while (reader.next(this.#to)) {
      if (reader.field === field.number && reader.wire === Wire.LENGTH) places.push(reader.at)
      reader.skip(this.#to)
    }
    if (places.length > LONGEST_LIST) throw new RangeError(`${field.name} has ${places.length} values`)
    return places.map((at) => contentAt(this.#bytes, at, field, values))
  }
}

function absent({ kind, type }: CelField, values: CelValues): unknown {
  switch (kind) {
    case 'string':
      return ''
    case 'bool':
      return false
    case 'int':
      return 0n
    case 'uint':
      return values.unsigned(0n)
    case 'double':
      return 0
    case 'timestamp':
      return new Date(0)
    case 'message':
      return values.message(type, new Uint8Array(0), 0, 0)
    case 'dyn':
      return null
  }
}

function numberAt(bytes: Uint8Array, at: number, kind: CelKind, values: CelValues): unknown {
  if (kind === 'double') return new DataView(bytes.buffer, bytes.byteOffset).getFloat64(at, true)
  reader.begin(bytes, at)
  const number = reader.bigVarint(at)
  if (kind === 'bool') return number !== 0n
  return kind === 'uint' ? values.unsigned(number) : BigInt.asIntN(64, number)
}

function contentAt(bytes: Uint8Array, at: number, { kind, type }: CelField, values: CelValues): unknown {
  reader.begin(bytes, at)
  const to = reader.length(bytes.length)
  const from = reader.at
  if (kind === 'string') return utf8.decode(bytes.subarray(from, to))
  if (kind === 'timestamp') return timestamp(bytes, from, to)
  return values.message(type, bytes, from, to)
}

/** To the millisecond, as JavaScript's dates are. */
function timestamp(bytes: Uint8Array, from: number, to: number): Date {
  const parts = [0, 0, 0]
  reader.begin(bytes, from)
  while (reader.next(to)) {
    if (reader.wire === Wire.VARINT && reader.field < 3) parts[reader.field] = reader.varint()
    else reader.skip(to)
  }
  return new Date(parts[1]! * 1_000 + Math.floor(parts[2]! / 1e6))
}
