import { MalformedError, type ProtobufReader } from '../../flow/protobuf-reader.ts'
import type { TextBuffer } from './text-buffer.ts'

/** 9999-12-31T23:59:59Z, the last second that RFC 3339 can say. */
const LAST_SECOND = 253_402_300_799

/** The text of the second written last: flows come in the order of time. */
let known = { seconds: -1, text: '' }

/** A `google.protobuf.Timestamp` from the reader's place up to `end`, as quoted RFC 3339 with 0, 3, 6 or 9 digits. @throws MalformedError when it is no time of the years 1970 to 9999 */
export function timeText(out: TextBuffer, reader: ProtobufReader, end: number): void {
  let [seconds, nanos] = [0, 0]
  while (reader.next(end)) {
    if (reader.wire !== 0 || reader.field > 2) reader.skip(end)
    else if (reader.field === 1) seconds = reader.varint()
    else nanos = reader.varint()
  }
  if (seconds > LAST_SECOND || nanos > 999_999_999) throw new MalformedError('time out of range')
  if (known.seconds !== seconds) known = { seconds, text: `"${new Date(seconds * 1_000).toISOString().slice(0, 19)}` }
  out.ascii(known.text)
  if (nanos !== 0) fraction(out, nanos)
  out.ascii('Z"')
}

function fraction(out: TextBuffer, nanos: number): void {
  const [value, digits] =
    nanos % 1_000_000 === 0 ? [nanos / 1_000_000, 3] : nanos % 1_000 === 0 ? [nanos / 1_000, 6] : [nanos, 9]
  out.byte(0x2e)
  for (let scale = 10 ** (digits - 1); scale > 1 && value < scale; scale /= 10) out.byte(0x30)
  out.integer(value)
}
