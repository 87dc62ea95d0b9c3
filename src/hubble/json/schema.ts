import { enumNumbers, messageFields } from '../definition.ts'

/** What the JSON mapping of protobuf needs to know of messages, compiled from the `.proto` files: by number, in declaration order. */

export type JsonKind =
  | 'message'
  | 'text'
  | 'bool'
  | 'enum'
  | 'unsigned'
  | 'signed'
  | 'unsigned64'
  | 'signed64'
  | 'double'

/** Messages whose JSON is not an object of their fields (https://protobuf.dev/programming-guides/json). */
export type JsonShape = 'object' | 'timestamp' | 'wrapper' | 'any' | 'struct' | 'value' | 'list'

export interface JsonField {
  number: number
  kind: JsonKind
  repeated: boolean
  /** `"source_port":` with the name of the proto file, as bytes. */
  key: Uint8Array
  /** Of a message. */
  message?: JsonMessage
  /** Of an enum: quoted names by number. */
  names?: ReadonlyMap<number, Uint8Array>
}

export interface JsonMessage {
  name: string
  shape: JsonShape
  /** In the order of the `.proto` file. */
  fields: readonly JsonField[]
  /** Index in `fields` + 1 by number, for small numbers; 0 = no such field. */
  small: Uint8Array
  /** The same for all numbers. */
  index: ReadonlyMap<number, number>
}

const SHAPES: Readonly<Record<string, JsonShape>> = {
  'google.protobuf.Timestamp': 'timestamp',
  'google.protobuf.BoolValue': 'wrapper',
  'google.protobuf.Int32Value': 'wrapper',
  'google.protobuf.UInt32Value': 'wrapper',
  'google.protobuf.Any': 'any',
  'google.protobuf.Struct': 'struct',
  'google.protobuf.Value': 'value',
  'google.protobuf.ListValue': 'list',
}

const KINDS: Readonly<Record<string, JsonKind>> = {
  TYPE_MESSAGE: 'message',
  TYPE_STRING: 'text',
  TYPE_BOOL: 'bool',
  TYPE_ENUM: 'enum',
  TYPE_UINT32: 'unsigned',
  TYPE_INT32: 'signed',
  TYPE_UINT64: 'unsigned64',
  TYPE_INT64: 'signed64',
  TYPE_DOUBLE: 'double',
}

const utf8 = new TextEncoder()
const compiled = new Map<string, JsonMessage>()

/** The tables of a message by full name. @throws Error when there is no such message */
export function jsonMessage(name: string): JsonMessage {
  const known = compiled.get(name)
  if (known !== undefined) return known
  const fields: JsonField[] = []
  const message = { name, shape: SHAPES[name] ?? 'object', fields, small: new Uint8Array(128), index: new Map() }
  // Before its fields: messages may hold themselves.
  compiled.set(name, message)
  if (message.shape === 'object' || message.shape === 'wrapper') fields.push(...compileFields(name))
  return Object.assign(message, numbered(fields))
}

function compileFields(name: string): JsonField[] {
  return messageFields(name).map((field) => {
    const kind = KINDS[field.type]
    if (kind === undefined) throw new Error(`${name}.${field.name}: no JSON for ${field.type}`)
    const type = fullName(name, field.typeName)
    return {
      number: field.number,
      kind,
      repeated: field.repeated,
      key: utf8.encode(`${JSON.stringify(field.name)}:`),
      ...(kind === 'message' && { message: jsonMessage(type) }),
      ...(kind === 'enum' && { names: enumNames(type) }),
    }
  })
}

/** Names of types are written as seen from the message that uses them. */
function fullName(message: string, type: string): string {
  if (type.includes('.')) return type
  const scope = message.slice(0, message.lastIndexOf('.'))
  return type === 'Protocol' ? `${message}.${type}` : `${scope}.${type}`
}

function enumNames(type: string): Map<number, Uint8Array> {
  return new Map(Object.entries(enumNumbers(type)).map(([name, number]) => [number, utf8.encode(`"${name}"`)]))
}

function numbered(fields: readonly JsonField[]): Pick<JsonMessage, 'small' | 'index'> {
  const small = new Uint8Array(128)
  const index = new Map(fields.map(({ number }, i) => [number, i + 1]))
  for (const [number, at] of index) if (number < small.length) small[number] = at
  return { small, index }
}
