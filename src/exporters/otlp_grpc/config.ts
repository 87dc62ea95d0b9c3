import type { ConfigSpec, Problem } from '../../pipeline/component.ts'
import { checkGrpcClient, type GrpcClientConfig, grpcClientSchema } from '../../pipeline/settings/grpc-client.ts'
import type { RetryConfig } from './retry.ts'

/** Without `keepalive`: OpenTelemetry's exporter makes the channel and takes no options for it. */
export type ClientConfig = Omit<GrpcClientConfig, 'keepalive'>

export interface OtlpGrpcConfig extends ClientConfig {
  /** Milliseconds an attempt may take. */
  timeout: number
  retry_on_failure: RetryConfig
  sending_queue: { queue_size: number; batch: { max_size: number; flush_timeout: number } }
  metrics: { interval: number; temporality: 'cumulative' | 'delta' }
}

const { keepalive: _, ...clientSchema } = grpcClientSchema

export const otlpGrpcConfig: ConfigSpec<OtlpGrpcConfig> = {
  schema: {
    ...clientSchema,
    timeout: { doc: 'longest time for one attempt', format: 'positive-duration', default: '5s' },
    retry_on_failure: {
      enabled: { doc: 'try again what failed for a passing reason', format: Boolean, default: true },
      initial_interval: { doc: 'wait before the second attempt', format: 'positive-duration', default: '5s' },
      max_interval: { doc: 'longest wait between two attempts', format: 'positive-duration', default: '30s' },
      multiplier: { doc: 'each wait is this many times the one before', format: Number, default: 1.5 },
      randomization_factor: { doc: 'each wait is off by up to this part of itself', format: Number, default: 0.5 },
      max_elapsed_time: { doc: 'give up after this long; 0 = never', format: 'duration', default: '5m' },
    },
    sending_queue: {
      queue_size: {
        doc: 'most flows waiting or in flight; further ones are refused',
        format: 'positive-int',
        default: 65_536,
      },
      batch: {
        max_size: { doc: 'most flows of one request', format: 'positive-int', default: 500 },
        flush_timeout: { doc: 'longest wait for a request to fill', format: 'positive-duration', default: '200ms' },
      },
    },
    metrics: {
      interval: { doc: 'time between two exports of the metrics', format: 'positive-duration', default: '60s' },
      temporality: {
        doc: 'whether values are those since the start or since the last export',
        format: ['cumulative', 'delta'],
        default: 'cumulative',
      },
    },
  },
  check: (config) => [
    ...checkEndpoint(config),
    ...checkRetry(config.retry_on_failure),
    ...checkQueue(config),
    ...checkInterval(config),
  ],
}

function checkEndpoint(config: OtlpGrpcConfig): Problem[] {
  return checkGrpcClient({ ...config, keepalive: { time: 0, timeout: 0, permit_without_stream: false } })
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

function checkQueue({ sending_queue: { queue_size, batch } }: OtlpGrpcConfig): Problem[] {
  if (batch.max_size <= queue_size) return []
  const path = ['sending_queue', 'batch', 'max_size']
  return [{ path, message: '`max_size` must be less than or equal to `queue_size`' }]
}

function checkInterval({ metrics, timeout }: OtlpGrpcConfig): Problem[] {
  if (metrics.interval >= timeout) return []
  return [{ path: ['metrics', 'interval'], message: "must not be less than 'timeout'" }]
}
