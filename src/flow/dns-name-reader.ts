/** Domain names on the wire (RFC 1035 §3.1, §4.1.4) as text. */

/** Most bytes of the text of one name: 253 bytes of labels, each escaped as `\ddd`, and their dots. */
export const NAME_TEXT_BYTES = 1_024

/** A name broke a rule of its format. */
export const MALFORMED = -1
/** The message ended inside a name. */
export const ENDED = -2

const DOT = 0x2e
const BACKSLASH = 0x5c

/** By byte: 0 = as it is, 1 = after a backslash, 3 = as `\ddd`. As Hubble's DNS library prints; `,` joins names here. */
const ESCAPE = new Uint8Array(256)
for (let byte = 0; byte < 256; byte++) ESCAPE[byte] = byte < 0x20 || byte > 0x7e || byte === 0x2c ? 3 : 0
for (const byte of Buffer.from(` '@;()".\\`)) ESCAPE[byte] = 1

/** Reads names of one message. */
export class NameReader {
  /** Offset behind the name that was read or skipped last. */
  next = 0

  /**
   * Writes the name at `from` as text into `text` from `at` on: lower case, escaped, with a trailing dot. `text` needs
   * room for `NAME_TEXT_BYTES`.
   * @returns the end of the text, `MALFORMED` or `ENDED`
   */
  read(bytes: Uint8Array, message: number, end: number, from: number, text: Uint8Array, at: number): number {
    let position = from
    // Every pointer must lead to before the one it follows, which ends any loop (RFC 1035 §4.1.4: a *prior* name).
    let limit = from
    let wireBytes = 1
    let out = at
    this.next = 0
    for (;;) {
      if (position >= end) return ENDED
      const length = bytes[position]!
      if (length >= 0xc0) {
        if (position + 1 >= end) return ENDED
        const target = message + (((length & 0x3f) << 8) | bytes[position + 1]!)
        if (target >= limit || target < message + 12) return MALFORMED
        if (this.next === 0) this.next = position + 2
        limit = target
        position = target
        continue
      }
      if (length === 0) {
        if (this.next === 0) this.next = position + 1
        if (out === at) text[out++] = DOT
        return out
      }
      wireBytes += length + 1
      if (length > 63 || wireBytes > 255) return MALFORMED
      if (position + 1 + length > end) return ENDED
      out = writeLabel(bytes, position + 1, length, text, out)
      position += 1 + length
    }
  }

  /** Steps over the name at `from`. @returns the offset behind it, `MALFORMED` or `ENDED` */
  skip(bytes: Uint8Array, end: number, from: number): number {
    let position = from
    while (position < end) {
      const length = bytes[position]!
      if (length >= 0xc0) return position + 2 > end ? ENDED : position + 2
      if (length === 0) return position + 1
      if (length > 63 || position - from > 254) return MALFORMED
      position += 1 + length
    }
    return ENDED
  }
}

function writeLabel(bytes: Uint8Array, from: number, length: number, text: Uint8Array, at: number): number {
  let out = at
  for (let i = from; i < from + length; i++) {
    const byte = bytes[i]!
    const style = ESCAPE[byte]!
    if (style !== 0) text[out++] = BACKSLASH
    if (style === 3) {
      text[out++] = 0x30 + Math.trunc(byte / 100)
      text[out++] = 0x30 + (Math.trunc(byte / 10) % 10)
      text[out++] = 0x30 + (byte % 10)
    } else text[out++] = byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte
  }
  text[out++] = DOT
  return out
}
