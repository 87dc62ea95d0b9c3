/** Wire types (https://protobuf.dev/programming-guides/encoding/#structure); groups are not read. */
export const Wire = { VARINT: 0, FIXED64: 1, LENGTH: 2, FIXED32: 5 } as const

const TWO_28 = 0x10000000
const utf8 = new TextDecoder()
const doubleBytes = new Uint8Array(8)
const doubleView = new DataView(doubleBytes.buffer)

/** Bytes that are no protobuf message. */
export class MalformedError extends Error {
  override readonly name = 'MalformedError'
}

/**
 * Walks over the fields of a protobuf message without making objects: `next` steps to a field, and one of `varint`,
 * `length` or `skip` takes its value. Positions are those of `bytes`, never a copy.
 */
export class ProtobufReader {
  bytes: Uint8Array = new Uint8Array(0)
  /** Where the next byte is read. */
  at = 0
  /** Number and wire type of the field `next` found. */
  field = 0
  wire = 0

  /** Reads `bytes` from `at` on. */
  begin(bytes: Uint8Array, at = 0): void {
    this.bytes = bytes
    this.at = at
  }

  /** Steps to the next field before `end`. @returns false at the end @throws MalformedError */
  next(end: number): boolean {
    if (this.at >= end) {
      if (this.at > end) throw new MalformedError(`field ${this.field} is longer than its message`)
      return false
    }
    const tag = this.varint()
    this.field = Math.floor(tag / 8)
    this.wire = tag & 7
    if (this.field === 0) throw new MalformedError('field number 0')
    return true
  }

  /** An unsigned integer; exact up to 2^53, and modulo 2^64 not beyond. @throws MalformedError */
  varint(): number {
    const bytes = this.bytes
    let byte = bytes[this.at++]!
    if (byte < 0x80) return byte
    let low = byte & 0x7f
    for (let shift = 7; shift < 28; shift += 7) {
      byte = bytes[this.at++]!
      low |= (byte & 0x7f) << shift
      if (byte < 0x80) return low
    }
    return low + this.#high() * TWO_28
  }

  /** The bits from 28 on: at most 6 bytes follow the first 4. */
  #high(): number {
    let high = 0
    for (let i = 0, scale = 1; i < 6; i++, scale *= 0x80) {
      const byte = this.bytes[this.at++]
      if (byte === undefined) throw new MalformedError('number is cut off')
      high += (byte & 0x7f) * scale
      if (byte < 0x80) return high
    }
    throw new MalformedError('number of more than 10 bytes')
  }

  /** The unsigned 64-bit integer at `at`, exactly; the reader stays where it is. @throws MalformedError */
  bigVarint(at: number): bigint {
    let value = 0n
    for (let i = at, shift = 0n; i < at + 10; i++, shift += 7n) {
      const byte = this.bytes[i]
      if (byte === undefined) break
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return BigInt.asUintN(64, value)
    }
    throw new MalformedError('number is cut off')
  }

  /** Where the value of a text, bytes or message field ends; it begins at `at`. @param end of the message around it @throws MalformedError */
  length(end: number): number {
    const length = this.varint()
    if (length > end - this.at) throw new MalformedError(`field ${this.field} is longer than its message`)
    return this.at + length
  }

  /** Steps over the value. @throws MalformedError */
  skip(end: number): void {
    switch (this.wire) {
      case Wire.VARINT:
        this.varint()
        break
      case Wire.FIXED64:
        this.at += 8
        break
      case Wire.LENGTH:
        this.at = this.length(end)
        break
      case Wire.FIXED32:
        this.at += 4
        break
      default:
        throw new MalformedError(`field ${this.field} has wire type ${this.wire}`)
    }
  }

  /** Takes a `double`. @throws MalformedError */
  double(end: number): number {
    if (this.at + 8 > end) throw new MalformedError(`field ${this.field} is longer than its message`)
    for (let i = 0; i < 8; i++) doubleBytes[i] = this.bytes[this.at + i]!
    this.at += 8
    return doubleView.getFloat64(0, true)
  }

  /** Takes a text field's value. @throws MalformedError */
  text(end: number): string {
    return this.textUntil(this.length(end))
  }

  /** Takes the text that ends at `stop`. */
  textUntil(stop: number): string {
    const text = utf8.decode(this.bytes.subarray(this.at, stop))
    this.at = stop
    return text
  }
}
