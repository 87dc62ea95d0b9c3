import type { Environment } from '@marcbachmann/cel-js'
import { enumNumbers, type Field, hubbleDefinition, messageFields, messageType } from '../definition.ts'
import { type CelField, type CelKind, CelMessage, type CelValues } from './cel-message.ts'

/** The types of `flow.Flow` for CEL, made from the `.proto` files. */

type MessageClass = new (bytes: Uint8Array, from: number, to: number) => CelMessage

const KINDS: Readonly<Record<string, CelKind>> = {
  TYPE_STRING: 'string',
  TYPE_BOOL: 'bool',
  TYPE_ENUM: 'int',
  TYPE_INT32: 'int',
  TYPE_INT64: 'int',
  TYPE_UINT32: 'uint',
  TYPE_UINT64: 'uint',
  TYPE_DOUBLE: 'double',
}

const ANY = 'google.protobuf.Any'
const STRUCT = 'google.protobuf.Struct'

/** `google.protobuf.Value`, as far as our flows have them. */
interface Value {
  numberValue?: number
  stringValue?: string
}

/** What CEL takes out of messages by itself, by the name of the field it is in. */
const WRAPPED: Readonly<Record<string, CelKind>> = {
  'google.protobuf.BoolValue': 'bool',
  'google.protobuf.Int32Value': 'int',
  'google.protobuf.UInt32Value': 'uint',
}

/** Every type of message below `flow.Flow`: its class and its fields. */
export class FlowTypes implements CelValues {
  /** Makes an unsigned integer of CEL. */
  readonly unsigned: (value: bigint) => unknown
  readonly #classes = new Map<string, MessageClass>()
  readonly #fields = new Map<string, ReadonlyMap<string, CelField>>()

  /** Declares the types, and the constants of every enum (`Verdict.DROPPED`, `flow.Verdict.DROPPED`), in `environment`. */
  constructor(environment: Environment, unsigned: (value: bigint) => unknown) {
    this.unsigned = unsigned
    this.#define('flow.Flow')
    for (const [name, ctor] of this.#classes) this.#register(environment, name, ctor)
    registerEnums(environment)
  }

  /** @returns the message, or what CEL takes out of it */
  message(type: string, bytes: Uint8Array, from: number, to: number): unknown {
    if (type === ANY) return anyValue(bytes.subarray(from, to))
    const kind = WRAPPED[type]
    if (kind === undefined) return new (this.#classes.get(type)!)(bytes, from, to)
    const value = { name: 'value', number: 1, kind, repeated: false, type: '' }
    return CelMessage.read(new CelMessage(bytes, from, to), value, this)
  }

  /** The flow in `bytes`. */
  flow(bytes: Uint8Array): CelMessage {
    return new (this.#classes.get('flow.Flow')!)(bytes, 0, bytes.length)
  }

  /** Numbers of the fields of `flow.Flow` by name. */
  flowField(name: string): number | undefined {
    return this.#fields.get('flow.Flow')!.get(name)?.number
  }

  /** Whether a field of a message is set. */
  has(message: CelMessage, name: string): boolean {
    for (const [type, ctor] of this.#classes)
      if (message.constructor === ctor) return CelMessage.has(message, this.#fields.get(type)!.get(name)!)
    return false
  }

  #define(type: string): void {
    if (this.#classes.has(type)) return
    const fields = messageFields(type).map((field) => celField(type, field))
    this.#fields.set(type, new Map(fields.map((field) => [field.name, field])))
    const ctor = class extends CelMessage {}
    for (const field of fields) {
      const values = this
      Object.defineProperty(ctor.prototype, field.name, {
        get(this: CelMessage) {
          return CelMessage.read(this, field, values)
        },
      })
    }
    this.#classes.set(type, ctor)
    for (const { kind, type: inner } of fields) {
      if (kind === 'message') this.#define(inner)
    }
  }

  #register(environment: Environment, type: string, ctor: MessageClass): void {
    const fields: Record<string, string> = {}
    for (const field of this.#fields.get(type)!.values()) fields[field.name] = typeText(field)
    environment.registerType(type, { ctor, fields })
    environment.registerOperator(`${type} == ${type}`, CelMessage.equal)
  }
}

function celField(within: string, { name, number, type, typeName, repeated }: Field): CelField {
  const inner = typeName.includes('.') ? typeName : `${within.slice(0, within.lastIndexOf('.'))}.${typeName}`
  return { name, number, repeated, kind: KINDS[type] ?? messageKind(inner), type: inner }
}

function messageKind(type: string): CelKind {
  if (type === 'google.protobuf.Timestamp') return 'timestamp'
  return WRAPPED[type] === undefined && type !== ANY ? 'message' : 'dyn'
}

/** What is in a `google.protobuf.Any` when it is a struct, as in the extensions of our flows; null for everything else. */
function anyValue(bytes: Uint8Array): unknown {
  const any = messageType(ANY).deserialize(Buffer.from(bytes)) as { type_url?: string; value?: Buffer }
  if (!any.type_url?.endsWith(`/${STRUCT}`)) return null
  const { fields = {} } = messageType(STRUCT).deserialize(any.value ?? Buffer.alloc(0)) as {
    fields?: Record<string, Value>
  }
  return new Map(Object.entries(fields).map(([key, value]) => [key, value.numberValue ?? value.stringValue ?? null]))
}

function typeText({ kind, type, repeated }: CelField): string {
  const text = kind === 'timestamp' ? 'google.protobuf.Timestamp' : kind === 'message' ? type : kind
  return repeated ? `list<${text}>` : text
}

/** Enums are types whose fields are integers, so that a name that does not exist is found when the expression is compiled. */
function registerEnums(environment: Environment): void {
  const names = Object.entries(hubbleDefinition()).flatMap(([name, { format }]) =>
    name.startsWith('flow.') && format === 'Protocol Buffer 3 EnumDescriptorProto' ? [name] : [],
  )
  const enums = names.map((name) => registerNamed(environment, name, constants(enumNumbers(name)), 'int'))
  const protocol = registerNamed(
    environment,
    'flow.Tunnel.Protocol',
    constants(enumNumbers('flow.Tunnel.Protocol')),
    'int',
  )
  enums.push(registerNamed(environment, 'flow.Tunnel', { Protocol: protocol.value }, protocol.type))
  for (const { name, type, value } of enums) environment.registerConstant(name, type, value)
  const all = class {}
  const fields = Object.fromEntries(enums.map(({ name, type }) => [name, type]))
  environment.registerType('package flow', { ctor: all, fields })
  const values = Object.fromEntries(enums.map(({ name, value }) => [name, value]))
  environment.registerConstant('flow', 'package flow', Object.assign(new all(), values))
}

function constants(numbers: Readonly<Record<string, number>>): Record<string, bigint> {
  return Object.fromEntries(Object.entries(numbers).map(([name, number]) => [name, BigInt(number)]))
}

/** A type of its own for one set of names, with its only value. */
function registerNamed(
  environment: Environment,
  fullName: string,
  members: Readonly<Record<string, unknown>>,
  of: string,
) {
  const [type, name] = [`enum ${fullName}`, fullName.slice(fullName.lastIndexOf('.') + 1)]
  const ctor = class {}
  environment.registerType(type, { ctor, fields: Object.fromEntries(Object.keys(members).map((key) => [key, of])) })
  return { name, type, value: Object.assign(new ctor(), members) }
}
