import { ProtobufReader, Wire } from '../../flow/protobuf-reader.ts'
import { printable } from '../../pipeline/otlp/printable.ts'

/** What a failed answer says: `message` of a `google.rpc.Status` (= 2), in protobuf or JSON, or its text. */
export function statusMessage(contentType: string, body: Uint8Array): string {
  const text = contentType.startsWith('application/x-protobuf')
    ? messageField(body)
    : Buffer.from(body).toString('utf8')
  return printable(contentType.startsWith('application/json') ? jsonMessage(text) : text)
}

function messageField(body: Uint8Array): string {
  const reader = new ProtobufReader()
  reader.begin(body)
  try {
    while (reader.next(body.length)) {
      if (reader.field === 2 && reader.wire === Wire.LENGTH) return reader.text(body.length)
      reader.skip(body.length)
    }
  } catch {
    // No Status: the HTTP status says enough.
  }
  return ''
}

function jsonMessage(text: string): string {
  try {
    const { message } = JSON.parse(text) as { message?: unknown }
    return typeof message === 'string' ? message : text
  } catch {
    return text
  }
}
