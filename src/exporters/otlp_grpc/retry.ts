import { retryInfoMs } from './retry-info.ts'

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

/** gRPC codes that are worth another attempt (OTLP specification, "Failures"). */
const RETRYABLE: ReadonlySet<number> = new Set([
  1, // CANCELLED
  4, // DEADLINE_EXCEEDED
  10, // ABORTED
  11, // OUT_OF_RANGE
  14, // UNAVAILABLE
  15, // DATA_LOSS
])

const RESOURCE_EXHAUSTED = 8

/**
 * Milliseconds to wait before the next attempt; undefined when there should be none.
 * @param attempt 1 after the first failure
 * @param elapsedMs since the first attempt
 */
export function nextAttemptMs(
  config: RetryConfig,
  error: unknown,
  attempt: number,
  elapsedMs: number,
  random: () => number = Math.random,
): number | undefined {
  if (!config.enabled) return undefined
  const code = (error as { code?: unknown }).code
  const asked = retryInfoMs(error)
  if (!RETRYABLE.has(Number(code)) && !(code === RESOURCE_EXHAUSTED && asked !== undefined)) return undefined
  const interval = Math.min(config.max_interval, config.initial_interval * config.multiplier ** (attempt - 1))
  const waitMs = Math.max(asked ?? 0, interval * (1 + config.randomization_factor * (2 * random() - 1)))
  return config.max_elapsed_time > 0 && elapsedMs + waitMs > config.max_elapsed_time ? undefined : waitMs
}
