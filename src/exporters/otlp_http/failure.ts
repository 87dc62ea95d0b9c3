import type { Answer } from '../../pipeline/otlp/answer.ts'

/** HTTP statuses that are worth another attempt (OTLP specification, "Retryable Response Codes"). */
const PASSING: ReadonlySet<number> = new Set([429, 502, 503, 504])

/** What a status that is no success means for the request. @param retryAfter the header @param reason what the server says */
export function statusFailure(status: number, retryAfter: string | undefined, reason = ''): Answer {
  const error = new Error(`the server answered ${status}${reason === '' ? '' : `: ${reason}`}`)
  const passing = PASSING.has(status)
  return { outcome: 'failed', error, passing, waitMs: passing ? retryAfterMs(retryAfter) : undefined }
}

/** Milliseconds that `Retry-After` asks to wait: seconds, or a date (RFC 9110 §10.2.3); undefined when it is neither. */
export function retryAfterMs(header: string | undefined, nowMs: number = Date.now()): number | undefined {
  const text = header?.trim() ?? ''
  if (/^\d+$/.test(text)) return Number(text) * 1_000
  // Dates are in GMT and begin with the name of the day; `Date.parse` alone takes nearly anything.
  const dateMs = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)/.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(dateMs) ? undefined : Math.max(0, dateMs - nowMs)
}
