import type { Problem } from '../component.ts'
import type { QueueSettings } from '../sending-queue/open-queue.ts'
import { type BatchConfig, MOST_REQUEST_BYTES } from './flow-requests.ts'
import type { RetryConfig } from './retry.ts'

/** Settings that all exporters of OTLP share, with the Collector's keys. Durations are milliseconds. */
export interface OtlpConfig {
  /** Longest time of an attempt. */
  timeout: number
  retry_on_failure: RetryConfig
  sending_queue: QueueSettings & {
    enabled: boolean
    num_consumers: number
    block_on_overflow: boolean
    batch: BatchConfig
  }
  metrics: { interval: number; temporality: 'cumulative' | 'delta' }
}

/** Schema of the settings; spread it into a component's own. @param timeout default, as the Collector's of that protocol */
export function otlpSchema(timeout: string) {
  return {
    timeout: { doc: 'longest time for one attempt', format: 'positive-duration', default: timeout },
    retry_on_failure: {
      enabled: { doc: 'try again what failed for a passing reason', format: Boolean, default: true },
      initial_interval: { doc: 'wait before the second attempt', format: 'positive-duration', default: '5s' },
      max_interval: { doc: 'longest wait between two attempts', format: 'positive-duration', default: '30s' },
      multiplier: { doc: 'each wait is this many times the one before', format: Number, default: 1.5 },
      randomization_factor: { doc: 'each wait is off by up to this part of itself', format: Number, default: 0.5 },
      max_elapsed_time: { doc: 'give up after this long; 0 = never', format: 'duration', default: '5m' },
    },
    sending_queue: queueSchema,
    metrics: {
      interval: { doc: 'time between two exports of the metrics', format: 'positive-duration', default: '60s' },
      temporality: {
        doc: 'whether values are those since the start or since the last export',
        format: ['cumulative', 'delta'],
        default: 'cumulative',
      },
    },
  }
}

const queueSchema = {
  enabled: { doc: 'false: no queue, the pipeline waits until each batch is delivered', format: Boolean, default: true },
  queue_size: {
    doc: 'most that waits or is in flight, in units of `sizer`; what does not fit is refused',
    format: 'positive-int',
    default: 64 * 1024 * 1024,
  },
  sizer: {
    doc: 'what `queue_size` counts: `bytes` or `requests` as they are sent, before compression, or `items`, the flows',
    format: ['bytes', 'items', 'requests'],
    default: 'bytes',
  },
  num_consumers: { doc: 'requests under way at a time', format: 'positive-int', default: 4 },
  block_on_overflow: { doc: 'let the pipeline wait instead of refusing flows', format: Boolean, default: false },
  storage: { doc: 'id of a `file_storage` extension to keep the queue in; empty: memory', format: String, default: '' },
  batch: {
    flush_timeout: { doc: 'longest wait for a request to fill', format: 'positive-duration', default: '200ms' },
    min_size: { doc: 'flows of a request that waits for no more', format: 'positive-int', default: 512 },
    max_size: { doc: 'most flows of one request', format: 'positive-int', default: 1_024 },
  },
}

/** What settings alone cannot tell. */
export function checkOtlp(config: OtlpConfig): Problem[] {
  return [...checkRetry(config.retry_on_failure), ...checkQueue(config), ...checkInterval(config)]
}

function checkRetry(retry: RetryConfig): Problem[] {
  const problem = (key: keyof RetryConfig, message: string) => [{ path: ['retry_on_failure', key], message }]
  if (retry.multiplier < 1) return problem('multiplier', 'must be 1 or more')
  if (retry.randomization_factor < 0 || retry.randomization_factor > 1) {
    return problem('randomization_factor', 'must be between 0 and 1')
  }
  if (retry.max_elapsed_time > 0 && retry.max_elapsed_time < retry.max_interval) {
    return problem('max_elapsed_time', "must not be less than 'max_interval'")
  }
  return []
}

/** Room for one request of each: a smaller queue would refuse everything. */
const MOST_BYTES = MOST_REQUEST_BYTES + 1024 * 1024

function checkQueue({ sending_queue }: OtlpConfig): Problem[] {
  const { enabled, queue_size, sizer, num_consumers, storage, batch } = sending_queue
  const problem = (path: readonly string[], message: string) => [{ path: ['sending_queue', ...path], message }]
  if (batch.min_size > batch.max_size) return problem(['batch', 'min_size'], "must not be more than 'max_size'")
  if (num_consumers > 256) return problem(['num_consumers'], 'must be 256 or less')
  if (!enabled) return storage === '' ? [] : problem(['storage'], 'needs the queue, which is not "enabled"')
  if (sizer === 'items' && batch.max_size > queue_size) {
    return problem(['batch', 'max_size'], '`max_size` must be less than or equal to `queue_size`')
  }
  if (sizer === 'bytes' && queue_size < MOST_BYTES) {
    const meant = 'or set `sizer: requests` (or `items`) if that is what the number counts'
    return problem(['queue_size'], `must be ${MOST_BYTES} or more, for one request to fit: it counts bytes; ${meant}`)
  }
  return []
}

function checkInterval({ metrics, timeout }: OtlpConfig): Problem[] {
  if (metrics.interval >= timeout) return []
  return [{ path: ['metrics', 'interval'], message: "must not be less than 'timeout'" }]
}
