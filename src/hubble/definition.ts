import { join } from 'node:path'
import type { MethodDefinition } from '@grpc/grpc-js'
import { loadSync, type MessageTypeDefinition, type PackageDefinition } from '@grpc/proto-loader'

/** The Hubble API as the `.proto` files beside this module define it: for (de)serializing messages that are not hot, and for reflection. */

let loaded: PackageDefinition | undefined

/** Every definition by full name, parsed on first use (30 ms). Messages: proto field names, enums and 64-bit integers as numbers. */
export function hubbleDefinition(): PackageDefinition {
  loaded ??= loadSync(['observer/observer.proto', 'peer/peer.proto'], {
    includeDirs: [join(import.meta.dirname, 'proto')],
    keepCase: true,
    longs: Number,
    enums: Number,
    arrays: true,
    oneofs: true,
  })
  return loaded
}

/** A message by full name. @throws Error when there is none */
export function messageType(name: string): MessageTypeDefinition<object, object> {
  const definition = hubbleDefinition()[name]
  if (definition === undefined || !isMessage(definition)) throw new Error(`no message ${name} in the Hubble API`)
  return definition
}

/** The methods of a service by name. @throws Error when there is none */
export function serviceMethods(name: string): Readonly<Record<string, MethodDefinition<object, object>>> {
  const definition = hubbleDefinition()[name]
  if (definition === undefined || 'format' in definition) throw new Error(`no service ${name} in the Hubble API`)
  return definition as Readonly<Record<string, MethodDefinition<object, object>>>
}

/** One field of a message, from its descriptor. */
export interface Field {
  name: string
  number: number
  /** `google.protobuf.FieldDescriptorProto.Type` */
  type: string
  /** Full name of its message or enum, where it has one. */
  typeName: string
  repeated: boolean
}

/** What of a `google.protobuf.DescriptorProto` is read here. */
interface Descriptor {
  name: string
  field: { name: string; number: number; type: string; typeName: string; label: string }[]
  nestedType: Descriptor[]
  enumType: EnumDescriptor[]
}

/** And of an `EnumDescriptorProto`. */
interface EnumDescriptor {
  name: string
  value: { name: string; number: number }[]
}

/** The fields of a message in the order of the `.proto` file. @param name a nested message's is `flow.FlowFilter.Experimental` */
export function messageFields(name: string): Field[] {
  return descriptor(name).field.map(({ name, number, type, typeName, label }) => ({
    name,
    number,
    type,
    typeName: typeName.replace(/^\./, ''),
    repeated: label === 'LABEL_REPEATED',
  }))
}

/** The package has an entry for each message at the top of a file; messages within them are in theirs. */
function descriptor(name: string): Descriptor {
  if (hubbleDefinition()[name] !== undefined) return messageType(name).type as Descriptor
  const dot = name.lastIndexOf('.')
  const outer = dot > 0 ? descriptor(name.slice(0, dot)) : undefined
  const nested = outer?.nestedType.find((type) => type.name === name.slice(dot + 1))
  if (nested === undefined) throw new Error(`no message ${name} in the Hubble API`)
  return nested
}

/** Numbers of an enum by name. @param name one within a message is `flow.Tunnel.Protocol` */
export function enumNumbers(name: string): Readonly<Record<string, number>> {
  const definition = hubbleDefinition()[name]
  const found = definition !== undefined && 'format' in definition ? definition.type : nestedEnum(name)
  const { value } = found as EnumDescriptor
  return Object.fromEntries(value.map((entry) => [entry.name, entry.number]))
}

function nestedEnum(name: string): EnumDescriptor {
  const dot = name.lastIndexOf('.')
  const outer = hubbleDefinition()[name.slice(0, dot)]
  const nested = outer === undefined ? undefined : descriptor(name.slice(0, dot)).enumType
  const found = nested?.find((type) => type.name === name.slice(dot + 1))
  if (found === undefined) throw new Error(`no enum ${name} in the Hubble API`)
  return found
}

function isMessage(definition: PackageDefinition[string]): definition is MessageTypeDefinition<object, object> {
  return 'format' in definition && definition.format === 'Protocol Buffer 3 DescriptorProto'
}
