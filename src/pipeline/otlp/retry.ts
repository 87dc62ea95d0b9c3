/** `retry_on_failure`, as in the Collector; times in milliseconds. */
export interface RetryConfig {
  enabled: boolean
  initial_interval: number
  max_interval: number
  multiplier: number
  randomization_factor: number
  /** 0 = never give up. */
  max_elapsed_time: number
}

/** A failure as {@link nextAttemptMs} sees it. */
export interface Failure {
  /** Whether the same request may be taken later. */
  passing: boolean
  /** Milliseconds the backend asks to wait. */
  waitMs?: number | undefined
  /** 1 after the first failure. */
  attempt: number
  /** Milliseconds since the first attempt. */
  elapsedMs: number
}

/** Longest time that a timer can wait; with a longer one it would not wait at all. */
const MOST_WAIT_MS = 2 ** 31 - 1

/** Milliseconds to wait before the next attempt, no less than the backend asks for; undefined when there should be none. */
export function nextAttemptMs(
  config: RetryConfig,
  { passing, waitMs: askedMs = 0, attempt, elapsedMs }: Failure,
  random: () => number = Math.random,
): number | undefined {
  if (!config.enabled || !passing) return undefined
  const interval = Math.min(config.max_interval, config.initial_interval * config.multiplier ** (attempt - 1))
  const waitMs = Math.max(askedMs, interval * (1 + config.randomization_factor * (2 * random() - 1)))
  if (config.max_elapsed_time > 0 && elapsedMs + waitMs > config.max_elapsed_time) return undefined
  return Math.min(MOST_WAIT_MS, waitMs)
}
