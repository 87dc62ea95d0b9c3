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
  /** `google.protobuf.FieldDescriptorProto.Type` */
  type: string
  /** Full name of its message or enum, where it has one. */
  typeName: string
  repeated: boolean
}

/** The fields of a message in the order of the `.proto` file. */
export function messageFields(name: string): Field[] {
  const { field } = messageType(name).type as {
    field: { name: string; type: string; typeName: string; label: string }[]
  }
  return field.map(({ name, type, typeName, label }) => ({
    name,
    type,
    typeName: typeName.replace(/^\./, ''),
    repeated: label === 'LABEL_REPEATED',
  }))
}

/** Numbers of an enum by name. */
export function enumNumbers(name: string): Readonly<Record<string, number>> {
  const definition = hubbleDefinition()[name]
  if (definition === undefined || !('format' in definition)) throw new Error(`no enum ${name} in the Hubble API`)
  const { value } = definition.type as { value: { name: string; number: number }[] }
  return Object.fromEntries(value.map((entry) => [entry.name, entry.number]))
}

function isMessage(definition: PackageDefinition[string]): definition is MessageTypeDefinition<object, object> {
  return 'format' in definition && definition.format === 'Protocol Buffer 3 DescriptorProto'
}
