/**
 * Writes protobuf messages from their end to their beginning: a length is then known before it is written, so that
 * nested messages need neither a first pass for sizes nor a move of bytes. Fields are therefore written in reverse order.
 *
 * Finished messages lie one below the other in slabs that are never written again: they may be kept.
 */

const SLAB_BYTES = 64 * 1024

/** Room that fields without text may take between two texts: fixed fields need no check of their own. */
const FIXED_BYTES = 1_024

/** Most bytes that are copied one by one. */
const LOOP_BYTES = 32

const utf8 = new TextEncoder()

/** Tag of a varint field. */
export const varintTag = (field: number): number => field * 8
/** Tag of a `double` or `fixed64` field. */
export const fixed64Tag = (field: number): number => field * 8 + 1
/** Tag of a text, bytes or message field. */
export const lengthTag = (field: number): number => field * 8 + 2

export class ProtobufWriter {
  #bytes = new Uint8Array(SLAB_BYTES)
  #view = new DataView(this.#bytes.buffer)
  /** Where the part that is written begins. */
  #at = SLAB_BYTES
  /** Where the message being written ends. */
  #end = SLAB_BYTES

  /** Begins a message. */
  begin(): void {
    this.#end = this.#at
    this.#reserve(0)
  }

  /** As `begin`, for whoever copied all messages so far: their bytes are written over. */
  beginOver(): void {
    this.#at = this.#bytes.length
    this.begin()
  }

  /** The bytes of the message begun last. */
  finish(): Uint8Array {
    return this.#bytes.subarray(this.#at, this.#end)
  }

  /** Bytes of the message so far; handed to `close` it tells where a nested message ends. */
  get written(): number {
    return this.#end - this.#at
  }

  /** The bytes written since `mark`; valid until more are written. */
  since(mark: number): Uint8Array {
    return this.#bytes.subarray(this.#at, this.#end - mark)
  }

  /** Writes `bytes` instead of what was written since `mark`. */
  replace(mark: number, bytes: Uint8Array): void {
    this.#at = this.#end - mark
    this.raw(bytes)
  }

  /** Puts tag and length before what was written since `mark`. */
  close(tag: number, mark: number): void {
    this.varint(this.written - mark)
    this.varint(tag)
  }

  /** A varint field; 0 is written as well. */
  varintField(tag: number, value: number): void {
    this.varint(value)
    this.varint(tag)
  }

  /** A `double` field. */
  doubleField(tag: number, value: number): void {
    this.#at -= 8
    this.#view.setFloat64(this.#at, value, true)
    this.varint(tag)
  }

  /** A `fixed64` field of Unix nanoseconds. @param seconds below 2^32 @param nanos below 10^9 */
  nanosField(tag: number, seconds: number, nanos: number): void {
    // seconds * 10^9 has up to 62 bits: a product for each half of the seconds is exact.
    const upper = (seconds >>> 16) * 1e9
    const lower = (seconds & 0xffff) * 1e9 + nanos + (upper % 0x10000) * 0x10000
    this.#at -= 8
    this.#view.setUint32(this.#at, lower >>> 0, true)
    this.#view.setUint32(this.#at + 4, Math.floor(upper / 0x10000) + Math.floor(lower / 0x100000000), true)
    this.varint(tag)
  }

  /** A text field. */
  textField(tag: number, text: string): void {
    const mark = this.written
    this.text(text)
    this.close(tag, mark)
  }

  /** A field of bytes, or a message encoded before. */
  bytesField(tag: number, bytes: Uint8Array): void {
    this.raw(bytes)
    this.varint(bytes.length)
    this.varint(tag)
  }

  /** Bytes as they are: whole fields encoded before. */
  raw(bytes: Uint8Array): void {
    const length = bytes.length
    this.#reserve(length)
    this.#at -= length
    // A loop beats `set` for the few dozen bytes most of these have.
    if (length > LOOP_BYTES) this.#bytes.set(bytes, this.#at)
    else for (let i = 0, o = this.#at; i < length; i++) this.#bytes[o++] = bytes[i]!
  }

  /** Text as UTF-8, without tag and length. */
  text(text: string): void {
    const length = text.length
    this.#reserve(3 * length)
    const start = this.#at - length
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i)
      if (code >= 0x80) {
        this.raw(utf8.encode(text))
        return
      }
      this.#bytes[start + i] = code
    }
    this.#at = start
  }

  /** One byte. */
  byte(value: number): void {
    this.#bytes[--this.#at] = value
  }

  /** A non-negative integer up to 2^53. */
  varint(value: number): void {
    if (value < 0x80) this.#bytes[--this.#at] = value
    else if (value < 0x10000000) this.#smallVarint(value)
    else {
      this.varint(Math.floor(value / 0x10000000))
      const low = value % 0x10000000
      for (let shift = 21; shift >= 0; shift -= 7) this.#bytes[--this.#at] = ((low >>> shift) & 0x7f) | 0x80
    }
  }

  /** Below 2^28. */
  #smallVarint(value: number): void {
    let shift = value < 0x4000 ? 7 : value < 0x200000 ? 14 : 21
    this.#bytes[--this.#at] = value >>> shift
    for (shift -= 7; shift >= 0; shift -= 7) this.#bytes[--this.#at] = ((value >>> shift) & 0x7f) | 0x80
  }

  /** Makes room for `bytes` and the fixed fields that follow; what was written moves to a new slab when needed. */
  #reserve(bytes: number): void {
    if (this.#at >= bytes + FIXED_BYTES) return
    const written = this.finish()
    const size = Math.max(SLAB_BYTES, 2 * (written.length + bytes + FIXED_BYTES))
    this.#bytes = new Uint8Array(size)
    this.#view = new DataView(this.#bytes.buffer)
    this.#bytes.set(written, size - written.length)
    this.#at = size - written.length
    this.#end = size
  }
}
