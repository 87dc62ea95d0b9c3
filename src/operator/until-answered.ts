import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { ApiError, hasStatus } from '../kubernetes/api-error.ts'
import { Backoff } from '../pipeline/backoff.ts'

const FIRST_MS = 500
const MOST_MS = 15_000

/**
 * Asks until the API server answers: it may be away or throttle.
 * @throws ApiError 401 or 403, which no waiting cures, and the signal's reason
 */
export async function untilAnswered<T>(ask: () => Promise<T>, log: Logger, signal: AbortSignal): Promise<T> {
  const backoff = new Backoff(FIRST_MS, MOST_MS)
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      signal.throwIfAborted()
      if (hasStatus(error, 401, 403)) throw error
      if (backoff.failures === 0) log.warn(`${(error as Error).message}; trying again`)
      await sleep(backoff.next(error instanceof ApiError ? error.retryAfterMs : 0), undefined, { signal })
    }
  }
}
