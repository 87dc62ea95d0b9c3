import type { Answer } from '../../pipeline/otlp/answer.ts'
import { printable } from '../../pipeline/otlp/printable.ts'
import { retryInfoMs } from './retry-info.ts'

/** gRPC codes that are worth another attempt (OTLP specification, "Failures"). */
const PASSING: ReadonlySet<number> = new Set([
  1, // CANCELLED
  4, // DEADLINE_EXCEEDED
  10, // ABORTED
  11, // OUT_OF_RANGE
  14, // UNAVAILABLE
  15, // DATA_LOSS
])

const RESOURCE_EXHAUSTED = 8

/** What a failed call means for the request: whether another attempt is worth it, and when. */
export function failureOf(error: Error): Answer {
  const code = Number((error as { code?: unknown }).code)
  const waitMs = retryInfoMs(error)
  const passing = PASSING.has(code) || (code === RESOURCE_EXHAUSTED && waitMs !== undefined)
  return { outcome: 'failed', error: new Error(printable(error.message), { cause: error }), passing, waitMs }
}
