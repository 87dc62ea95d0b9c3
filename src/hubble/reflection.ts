import { createRequire } from 'node:module'
import type { handleBidiStreamingCall, MethodDefinition, Server, ServiceDefinition } from '@grpc/grpc-js'
import { loadSync, type PackageDefinition } from '@grpc/proto-loader'
import { protoPath } from 'grpc-health-check'
import descriptor from 'protobufjs/ext/descriptor/index.js'
import { hubbleDefinition } from './definition.ts'

type Handler = handleBidiStreamingCall<unknown, unknown>

/** A method as the library would add it to a server. */
interface Loaded {
  definition: MethodDefinition<unknown, unknown>
  handle: Handler
}

const VERSIONS = ['v1', 'v1alpha']
const METHOD = 'ServerReflectionInfo'

/**
 * Adds gRPC server reflection (v1 and v1alpha) of the Hubble API and the health service. Descriptors, and the library that
 * answers from them, are loaded for the first call (some 20 ms): few agents are ever asked.
 */
export function addReflection(server: Pick<Server, 'addService'>): void {
  let loaded: ReadonlyMap<string, Loaded> | undefined
  for (const version of VERSIONS) {
    const path = `/grpc.reflection.${version}.ServerReflection/${METHOD}`
    const method = (): Loaded => {
      loaded ??= loadMethods()
      return loaded.get(path)!
    }
    const definition: MethodDefinition<unknown, unknown> = {
      path,
      requestStream: true,
      responseStream: true,
      requestSerialize: (message) => method().definition.requestSerialize(message),
      requestDeserialize: (bytes) => method().definition.requestDeserialize(bytes),
      responseSerialize: (message) => method().definition.responseSerialize(message),
      responseDeserialize: (bytes) => method().definition.responseDeserialize(bytes),
    }
    server.addService({ [METHOD]: definition }, { [METHOD]: ((call) => method().handle(call)) satisfies Handler })
  }
}

/** Methods of the library by path. */
function loadMethods(): Map<string, Loaded> {
  const library = createRequire(import.meta.url)('@grpc/reflection') as typeof import('@grpc/reflection')
  const methods = new Map<string, Loaded>()
  const collect = (service: ServiceDefinition, handlers: Readonly<Record<string, unknown>>): void => {
    const definition = service[METHOD]!
    methods.set(definition.path, { definition, handle: handlers[METHOD] as Handler })
  }
  new library.ReflectionService(definitions()).addToServer({ addService: collect })
  return methods
}

/**
 * The definitions of all services, for the library.
 *
 * protobufjs writes descriptors that only lenient readers take: types are named as in the source, entries of
 * maps by a name of its own, imports and the ends of reserved ranges are missing. Go's readers (grpcurl) refuse them, so they are completed here.
 */
function definitions(): PackageDefinition {
  return complete([...filesOf(hubbleDefinition()), ...filesOf(loadSync(protoPath))])
}

/** What is touched of a `google.protobuf.FileDescriptorProto`. */
interface File {
  name: string
  package: string
  dependency: string[]
  messageType: Message[]
  enumType: Enum[]
  service: { name: string; method: { inputType: string; outputType: string }[] }[]
}

interface Message {
  name: string
  field: { name: string; typeName: string }[]
  nestedType: Message[]
  enumType: Enum[]
  reservedRange: unknown[]
  options?: { mapEntry?: boolean } | null
}

interface Enum {
  name: string
  reservedRange: unknown[]
}

/** proto-loader gives every definition all files of its tree. */
function filesOf(definitions: PackageDefinition): File[] {
  const message = Object.values(definitions).find((definition) => 'fileDescriptorProtos' in definition)
  const encoded = message === undefined ? [] : (message.fileDescriptorProtos as Uint8Array[])
  return encoded.map((bytes) => descriptor.FileDescriptorProto.decode(bytes) as unknown as File)
}

/** Files with full names of types and the imports that follow from them, as the reflection service takes them. */
function complete(files: readonly File[]): PackageDefinition {
  for (const file of files) for (const message of file.messageType) nameMapEntries(message)
  const homes = new Map<string, string>()
  for (const file of files)
    for (const name of namesIn(file.messageType, file.enumType, file.package)) homes.set(name, file.name)
  const fileDescriptorProtos = files.map((file) => {
    completeFile(file, homes)
    return Buffer.from(descriptor.FileDescriptorProto.encode(file as never).finish())
  })
  return { files: { fileDescriptorProtos } } as unknown as PackageDefinition
}

/** The entry of a map `by_name` must be called `ByNameEntry`. */
function nameMapEntries(message: Message): void {
  for (const entry of message.nestedType) {
    nameMapEntries(entry)
    const field = message.field.find(({ typeName }) => typeName === entry.name)
    if (!entry.options?.mapEntry || field === undefined) continue
    entry.name = `${field.name.replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase())}Entry`
    field.typeName = entry.name
  }
}

function* namesIn(messages: readonly Message[], enums: readonly Enum[], scope: string): Generator<string> {
  for (const { name } of enums) yield `${scope}.${name}`
  for (const { name, nestedType, enumType } of messages) {
    yield `${scope}.${name}`
    yield* namesIn(nestedType, enumType, `${scope}.${name}`)
  }
}

function completeFile(file: File, homes: ReadonlyMap<string, string>): void {
  const imports = new Set<string>()
  const resolve = (typeName: string, scope: string): string => {
    const full = fullName(typeName, scope, homes)
    const home = homes.get(full)
    if (home !== undefined && home !== file.name) imports.add(home)
    return `.${full}`
  }
  for (const message of file.messageType) completeMessage(message, `${file.package}.${message.name}`, resolve)
  for (const { reservedRange } of file.enumType) reservedRange.length = 0
  for (const { name, method } of file.service) {
    for (const types of method) {
      types.inputType = resolve(types.inputType, `${file.package}.${name}`)
      types.outputType = resolve(types.outputType, `${file.package}.${name}`)
    }
  }
  file.dependency = [...imports]
}

function completeMessage(message: Message, scope: string, resolve: (type: string, scope: string) => string): void {
  for (const field of message.field) if (field.typeName !== '') field.typeName = resolve(field.typeName, scope)
  for (const nested of message.nestedType) completeMessage(nested, `${scope}.${nested.name}`, resolve)
  // Nobody needs them, and their ends are wrong.
  message.reservedRange = []
}

/** Looks for a type from the innermost scope outwards, as protobuf does. */
function fullName(typeName: string, scope: string, homes: ReadonlyMap<string, string>): string {
  if (typeName.startsWith('.')) return typeName.slice(1)
  for (let within = scope; within !== ''; within = within.slice(0, Math.max(0, within.lastIndexOf('.')))) {
    if (homes.has(`${within}.${typeName}`)) return `${within}.${typeName}`
  }
  return typeName
}
