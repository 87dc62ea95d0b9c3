import { type OtlpGrpcConfig, otlpGrpcConfig } from '../../src/exporters/otlp_grpc/config.ts'
import { defaultsOf } from '../../src/pipeline/config/decode.ts'

/** Settings of `otlp_grpc` for a backend without TLS, with short waits. */
export function otlpConfig(endpoint: string, overrides: Partial<OtlpGrpcConfig> = {}): OtlpGrpcConfig {
  const defaults = defaultsOf(otlpGrpcConfig.schema) as unknown as OtlpGrpcConfig
  const retry = { ...defaults.retry_on_failure, initial_interval: 100, max_interval: 500, max_elapsed_time: 60_000 }
  return { ...defaults, endpoint, tls: { ...defaults.tls, insecure: true }, retry_on_failure: retry, ...overrides }
}
