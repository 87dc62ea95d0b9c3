import { ProtobufReader, Wire } from './protobuf-reader.ts'

/** Field masks over encoded messages: what a client did not ask for is left out of the bytes, whoever wrote them. */

/** Fields to keep by number: whole, or what is kept of the message in it. */
export type MaskTree = ReadonlyMap<number, MaskTree | true>

const reader = new ProtobufReader()

/** Keeps of a message what is in a tree. */
export class MessageMask {
  readonly #tree: MaskTree
  #out = new Uint8Array(1_024)
  #at = 0

  constructor(tree: MaskTree) {
    this.#tree = tree
  }

  /**
   * What is kept of an encoded message: messages that lose all their fields stay, empty. Valid until the next call.
   * @throws MalformedError
   */
  cut(message: Uint8Array): Uint8Array {
    // What is kept is never longer than what it is taken from.
    if (this.#out.length < message.length) this.#out = new Uint8Array(2 * message.length)
    this.#at = 0
    reader.begin(message)
    this.#keep(this.#tree, message.length)
    return this.#out.subarray(0, this.#at)
  }

  #keep(tree: MaskTree, end: number): void {
    while (reader.at < end) {
      const begin = reader.at
      reader.next(end)
      const kept = tree.get(reader.field)
      if (kept === undefined) reader.skip(end)
      else if (kept !== true && reader.wire === Wire.LENGTH) this.#keepPart(kept, begin, end)
      else {
        reader.skip(end)
        this.#copy(begin, reader.at)
      }
    }
  }

  /** A message within: its length is known when its content is written, and takes no more bytes than before. */
  #keepPart(tree: MaskTree, begin: number, end: number): void {
    this.#copy(begin, reader.at)
    const lengthFrom = reader.at
    const stop = reader.length(end)
    const lengthAt = this.#at
    const contentAt = lengthAt + reader.at - lengthFrom
    this.#at = contentAt
    this.#keep(tree, stop)
    const length = this.#at - contentAt
    const content = this.#writeLength(lengthAt, length)
    if (content < contentAt) this.#out.copyWithin(content, contentAt, this.#at)
    this.#at = content + length
  }

  #copy(from: number, to: number): void {
    const { bytes } = reader
    // A loop beats `set` for the few dozen bytes that fields have.
    for (let i = from; i < to; i++) this.#out[this.#at++] = bytes[i]!
  }

  /** @returns where the content belongs */
  #writeLength(at: number, length: number): number {
    let [to, rest] = [at, length]
    for (; rest >= 0x80; rest >>>= 7) this.#out[to++] = (rest & 0x7f) | 0x80
    this.#out[to++] = rest
    return to
  }
}

const SOURCE = 8
const DESTINATION = 9
/** Places in `FlowMask.top` of the fields with large numbers. */
export const SUMMARY = 62
export const EXTENSIONS = 63
const PLACES: Readonly<Record<number, number>> = { 100000: SUMMARY, 150000: EXTENSIONS }

/** What is wanted of a flow without mask. */
export const WHOLE = new Uint8Array(64).fill(1)

/** A field mask of `flow.Flow`. */
export class FlowMask {
  /** 1 for each field of which anything is wanted, by number (see {@link SUMMARY}, {@link EXTENSIONS}). */
  readonly top = new Uint8Array(64)
  /** For flows that are encoded already. */
  readonly flow: MessageMask
  readonly source: EndpointMask | undefined
  readonly destination: EndpointMask | undefined
  /** What is left to cut of flows of which only wanted fields and masked endpoints were written; undefined = nothing. */
  readonly rest: MessageMask | undefined

  constructor(tree: MaskTree) {
    for (const field of tree.keys()) this.top[PLACES[field] ?? field] = 1
    this.flow = new MessageMask(tree)
    this.source = endpointMask(tree.get(SOURCE))
    this.destination = endpointMask(tree.get(DESTINATION))
    const isEnd = (field: number) => field === SOURCE || field === DESTINATION
    if ([...tree].some(([field, kept]) => kept !== true && !isEnd(field)))
      this.rest = new MessageMask(new Map([...tree].map(([field, kept]) => [field, isEnd(field) ? true : kept])))
  }
}

function endpointMask(kept: MaskTree | true | undefined): EndpointMask | undefined {
  return kept === undefined || kept === true ? undefined : new EndpointMask(kept)
}

/** Endpoints of which the masked form is remembered: a power of two. */
const MOST_ENDPOINTS = 1_024

/** The mask of one end of flows; endpoints repeat, so what is left of them is remembered. */
export class EndpointMask {
  readonly #mask: MessageMask
  readonly #known: ({ from: Uint8Array; bytes: Uint8Array } | undefined)[] = new Array(MOST_ENDPOINTS)

  constructor(tree: MaskTree) {
    this.#mask = new MessageMask(tree)
  }

  /** @param id of the endpoint @param from its encoded form, the same object as long as the endpoint is the same */
  cut(id: number, from: Uint8Array): Uint8Array {
    const slot = id & (MOST_ENDPOINTS - 1)
    const known = this.#known[slot]
    if (known?.from === from) return known.bytes
    const bytes = this.#mask.cut(from).slice()
    this.#known[slot] = { from, bytes }
    return bytes
  }
}
