import { isUtf8 } from 'node:buffer'
import { MalformedError, ProtobufReader, Wire } from '../../flow/protobuf-reader.ts'
import { type JsonField, type JsonMessage, jsonMessage } from '../../hubble/json/schema.ts'

/** Messages within messages; more is no flow. */
const MAX_DEPTH = 16

/**
 * Checks an encoded message down to its innermost parts, those included that no column has a place for: flows leave as they
 * came, and one that Go's decoder refuses would end the stream of every client.
 */
export class MessageCheck {
  readonly #reader = new ProtobufReader()
  readonly #message: JsonMessage
  readonly #elsewhere: ReadonlySet<number>

  /** @param name of the message, `flow.Flow` @param elsewhere fields that somebody else checks */
  constructor(name: string, elsewhere: readonly number[] = []) {
    this.#message = jsonMessage(name)
    this.#elsewhere = new Set(elsewhere.map((number) => this.#message.index.get(number) ?? 0))
  }

  /** @throws MalformedError when in `bytes[at, end)` a part is longer than what holds it, or a text is no UTF-8 */
  check(bytes: Uint8Array, at: number, end: number): void {
    this.#reader.begin(bytes, at)
    this.#fields(this.#message, end, 0)
  }

  #fields(message: JsonMessage, end: number, depth: number): void {
    if (depth >= MAX_DEPTH) throw new MalformedError(`more than ${MAX_DEPTH} messages within each other`)
    const reader = this.#reader
    while (reader.next(end)) {
      const { field } = reader
      const index = field < 128 ? message.small[field]! : (message.index.get(field) ?? 0)
      // A field in another form than we know is one that we do not know, as in Go.
      if (index === 0 || reader.wire !== Wire.LENGTH || (depth === 0 && this.#elsewhere.has(index))) reader.skip(end)
      else this.#part(message.fields[index - 1]!, reader.length(end), depth)
    }
  }

  #part(field: JsonField, end: number, depth: number): void {
    const reader = this.#reader
    if (field.kind === 'message') this.#fields(field.message!, end, depth + 1)
    else if (field.kind === 'text') checkText(reader.bytes, reader.at, end)
    reader.at = end
  }
}

function checkText(bytes: Uint8Array, at: number, end: number): void {
  for (let i = at; i < end; i++) {
    if (bytes[i]! < 0x80) continue
    if (!isUtf8(bytes.subarray(i, end))) throw new MalformedError('a text is no UTF-8')
    return
  }
}
