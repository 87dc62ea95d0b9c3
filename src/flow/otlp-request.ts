import { encoded } from './hubble-fields.ts'
import { AttributeWriter, attributeKey } from './otlp-attributes.ts'
import { lengthTag, ProtobufWriter } from './protobuf-writer.ts'

/** `ExportLogsServiceRequest.resource_logs` */
const RESOURCE_LOGS = lengthTag(1)
/** `ResourceLogs.resource`, `ScopeLogs.scope` */
const FIRST = lengthTag(1)
/** `ResourceLogs.scope_logs` */
const SCOPE_LOGS = lengthTag(2)

/** A value of a resource attribute that OTLP has a place for. */
export type ResourceValue = string | number | boolean | readonly string[]

/** Makes `ExportLogsServiceRequest`s of records that were encoded before: one resource, one scope, both encoded once. */
export class OtlpRequestEncoder {
  readonly #writer = new ProtobufWriter()
  readonly #resource: Uint8Array
  readonly #scope: Uint8Array

  /** @param scope name and version of `InstrumentationScope` */
  constructor(resource: Readonly<Record<string, ResourceValue>>, scope: { name: string; version: string }) {
    this.#resource = encoded(this.#writer, (writer) => {
      const mark = writer.written
      const out = new AttributeWriter(writer, FIRST)
      for (const [name, value] of Object.entries(resource).reverse()) writeValue(out, name, value)
      writer.close(FIRST, mark)
    })
    this.#scope = encoded(this.#writer, (writer) => {
      const mark = writer.written
      if (scope.version !== '') writer.textField(lengthTag(2), scope.version)
      writer.textField(FIRST, scope.name)
      writer.close(FIRST, mark)
    })
  }

  /** @param records fields `log_records` of `ScopeLogs`; copied @returns bytes of their own */
  request(records: readonly Uint8Array[]): Uint8Array {
    let recordBytes = 0
    for (const { length } of records) recordBytes += length
    const head = this.#head(recordBytes)
    const request = new Uint8Array(head.length + recordBytes)
    request.set(head)
    let at = head.length
    for (const part of records) {
      request.set(part, at)
      at += part.length
    }
    return request
  }

  /** All that comes before the records, which are the end of every message around them. */
  #head(recordBytes: number): Uint8Array {
    const writer = this.#writer
    writer.beginOver()
    writer.raw(this.#scope)
    writer.varintField(SCOPE_LOGS, writer.written + recordBytes)
    writer.raw(this.#resource)
    writer.varintField(RESOURCE_LOGS, writer.written + recordBytes)
    return writer.finish()
  }
}

function writeValue(out: AttributeWriter, name: string, value: ResourceValue): void {
  const key = attributeKey(name)
  if (typeof value === 'string') out.text(key, value)
  else if (typeof value === 'number') out.number(key, value)
  else if (typeof value === 'boolean') out.bool(key, value)
  else out.texts(key, value)
}
