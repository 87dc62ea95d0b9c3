/** `google.protobuf.Timestamp` */
export interface Timestamp {
  seconds?: number
  nanos?: number
}

/** A time that the protocol does not have. */
export class TimestampError extends Error {
  override readonly name = 'TimestampError'
}

/** Unix seconds of 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z. */
const OLDEST = -62_135_596_800
const YOUNGEST = 253_402_300_799

/** Unix milliseconds as a timestamp. */
export function timestamp(ms: number): { seconds: number; nanos: number } {
  const seconds = Math.floor(ms / 1_000)
  return { seconds, nanos: Math.round((ms - seconds * 1_000) * 1e6) }
}

/** @throws TimestampError in the words of Go's protobuf */
export function checkTimestamp(time: Timestamp): void {
  const { seconds = 0, nanos = 0 } = time
  if (seconds < OLDEST) throw refusal(time, 'before 0001-01-01')
  if (seconds > YOUNGEST) throw refusal(time, 'after 9999-12-31')
  if (nanos < 0 || nanos >= 1e9) throw refusal(time, 'has out-of-range nanos')
}

function refusal({ seconds = 0, nanos = 0 }: Timestamp, what: string): TimestampError {
  const parts = [seconds === 0 ? '' : `seconds:${seconds}`, nanos === 0 ? '' : `nanos:${nanos}`]
  return new TimestampError(`proto: timestamp (${parts.filter((part) => part !== '').join(' ')}) ${what}`)
}
