import { ProtobufReader, Wire } from '../../flow/protobuf-reader.ts'

/** What becomes of the value of a text or message field; the value itself = it stays. */
export type Rewrite = (value: Uint8Array) => Uint8Array

export interface MessageRules {
  /** By field number. */
  rewrite: ReadonlyMap<number, Rewrite>
  /** Fields that may stay; undefined = all. What nobody knows may hold what must not leave. */
  known: ReadonlySet<number> | undefined
}

/** An encoded message with some of its fields rewritten; the same object where nothing changed. @throws MalformedError */
export function rewriteMessage(message: Uint8Array, { rewrite, known }: MessageRules): Uint8Array {
  const reader = new ProtobufReader()
  const parts: Uint8Array[] = []
  /** From here on nothing was taken over yet. */
  let from = 0
  reader.begin(message)
  for (let at = 0; reader.next(message.length); at = reader.at) {
    const { field, wire } = reader
    const rule = rewrite.get(field)
    if (rule === undefined || wire !== Wire.LENGTH) {
      reader.skip(message.length)
      // A field that we know, in another form than we know, is one that we do not know.
      if (rule === undefined && (known === undefined || known.has(field))) continue
      parts.push(message.subarray(from, at))
    } else {
      const end = reader.length(message.length)
      const value = message.subarray(reader.at, end)
      reader.at = end
      const rewritten = rule(value)
      if (rewritten === value) continue
      parts.push(message.subarray(from, at), lengthField(field, rewritten))
    }
    from = reader.at
  }
  return from === 0 ? message : Buffer.concat([...parts, message.subarray(from)])
}

/** A text, bytes or message field. */
export function lengthField(field: number, value: Uint8Array): Uint8Array {
  return Buffer.concat([varint(field * 8 + Wire.LENGTH), varint(value.length), value])
}

function varint(value: number): Uint8Array {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 0x80; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80)
  bytes.push(rest)
  return Uint8Array.from(bytes)
}
