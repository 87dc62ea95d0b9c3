/** JSON text in the making, as UTF-8 bytes in one buffer that grows as needed. */

const FIRST_BYTES = 16 * 1024

/** Bytes that stand for themselves in a JSON text: ASCII but `"`, `\`, control characters, and `<`, `>`, `&`, which Go escapes. */
const PLAIN = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 0x20 && byte < 0x7f && !'"\\<>&'.includes(String.fromCharCode(byte)) ? 1 : 0,
)

/** Most bytes that escaping makes of one byte: `\u003c`. */
const WORST = 6

const utf8 = new TextEncoder()
const decoder = new TextDecoder()

export class TextBuffer {
  bytes = new Uint8Array(FIRST_BYTES)
  /** Bytes written. */
  used = 0

  /** Makes room for so many bytes more. */
  reserve(bytes: number): void {
    if (this.used + bytes <= this.bytes.length) return
    const larger = new Uint8Array(Math.max(this.used + bytes, 2 * this.bytes.length))
    larger.set(this.bytes.subarray(0, this.used))
    this.bytes = larger
  }

  /** One ASCII character. */
  byte(code: number): void {
    if (this.used === this.bytes.length) this.reserve(1)
    this.bytes[this.used++] = code
  }

  /** Takes the last byte back. */
  back(): void {
    this.used--
  }

  /** JSON as it is. */
  raw(json: Uint8Array): void {
    const length = json.length
    this.reserve(length)
    // A loop beats `set` for the few bytes of a name.
    for (let i = 0, o = this.used; i < length; i++) this.bytes[o++] = json[i]!
    this.used += length
  }

  /** JSON as it is, of ASCII alone. */
  ascii(json: string): void {
    this.reserve(json.length)
    for (let i = 0; i < json.length; i++) this.bytes[this.used++] = json.charCodeAt(i)
  }

  /** `from[at, end)`, UTF-8, as quoted text; what is no UTF-8 becomes U+FFFD. */
  quoted(from: Uint8Array, at: number, end: number): void {
    this.reserve(end - at + 2)
    const start = this.used
    const out = this.bytes
    let o = start
    out[o++] = 0x22
    for (let i = at; i < end; i++) {
      const byte = from[i]!
      if (PLAIN[byte] === 0) {
        this.used = start
        this.#escaped(from, at, end)
        return
      }
      out[o++] = byte
    }
    out[o++] = 0x22
    this.used = o
  }

  /** A non-negative integer below 2^53. */
  integer(value: number): void {
    this.reserve(16)
    let digits = 1
    for (let rest = value; rest >= 10; rest = Math.floor(rest / 10)) digits++
    let o = this.used + digits
    this.used = o
    for (let rest = value; digits > 0; digits--) {
      const next = Math.floor(rest / 10)
      this.bytes[--o] = 0x30 + (rest - 10 * next)
      rest = next
    }
  }

  /** As Go's encoding/json writes it. */
  #escaped(from: Uint8Array, at: number, end: number): void {
    const text = decoder.decode(from.subarray(at, end))
    const json = JSON.stringify(text).replace(/[<>&\u2028\u2029]/g, escapedCharacter)
    this.reserve(json.length * WORST)
    this.used += utf8.encodeInto(json, this.bytes.subarray(this.used)).written
  }
}

function escapedCharacter(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}
