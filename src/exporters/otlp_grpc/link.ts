import { Client, type ClientOptions, type Metadata, type ServiceError } from '@grpc/grpc-js'
import type { CreateContext } from '../../pipeline/component.ts'
import { type Answer, type OtlpLink, type OtlpSignal, readResponse } from '../../pipeline/otlp/answer.ts'
import { channelCredentials, requestMetadata } from '../../pipeline/otlp/grpc-credentials.ts'
import { userAgent } from '../../pipeline/otlp/user-agent.ts'
import { reloadEvents } from '../../pipeline/settings/server-reports.ts'
import type { OtlpGrpcConfig } from './config.ts'
import { failureOf } from './failure.ts'

const METHODS: Readonly<Record<OtlpSignal, string>> = {
  logs: '/opentelemetry.proto.collector.logs.v1.LogsService/Export',
  metrics: '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export',
}

/** `CompressionAlgorithms` of gRPC. */
const GZIP = 2

/** How long a server that is away is left alone at most before a new connection: longer than this, it would be missed. */
const MAX_RECONNECT_MS = 5_000

/** A channel that requests leave through as they are, encoded before. */
export class GrpcLink implements OtlpLink {
  readonly #client: Client
  readonly #metadata: Metadata
  readonly #timeoutMs: number

  private constructor(client: Client, config: OtlpGrpcConfig) {
    this.#client = client
    this.#metadata = requestMetadata(config.headers)
    this.#timeoutMs = config.timeout
  }

  /** Begins to connect. @throws Error that names the file at fault */
  static async open(context: CreateContext, config: OtlpGrpcConfig): Promise<GrpcLink> {
    const secrets = await channelCredentials(config, reloadEvents(context))
    return new GrpcLink(new Client(target(config.endpoint), secrets, options(context, config)), config)
  }

  send(signal: OtlpSignal, request: Uint8Array): Promise<Answer> {
    const message = Buffer.from(request.buffer, request.byteOffset, request.byteLength)
    const same = (bytes: Buffer) => bytes
    return new Promise((resolve) => {
      const done = (error: ServiceError | null, response?: Buffer) =>
        resolve(error === null ? readResponse(response ?? new Uint8Array()) : failureOf(error))
      const limit = { deadline: Date.now() + this.#timeoutMs }
      this.#client.makeUnaryRequest(METHODS[signal], same, same, message, this.#metadata, limit, done)
    })
  }

  close(): void {
    this.#client.close()
  }
}

/** The scheme has no meaning beside explicit credentials, but for `unix`. */
function target(endpoint: string): string {
  if (endpoint.startsWith('unix:')) return endpoint.replace(/^unix:(\/\/)?/, 'unix:')
  return endpoint.replace(/^https?:\/\//, '').replace(/\/$/, '')
}

function options(context: CreateContext, { compression, keepalive }: OtlpGrpcConfig): ClientOptions {
  const { time, timeout, permit_without_stream } = keepalive
  return {
    'grpc.primary_user_agent': userAgent(context.resource),
    // One connection for each exporter, gone with it.
    'grpc.use_local_subchannel_pool': 1,
    'grpc.max_reconnect_backoff_ms': MAX_RECONNECT_MS,
    ...(compression === 'gzip' ? { 'grpc.default_compression_algorithm': GZIP } : {}),
    ...(time > 0 ? { 'grpc.keepalive_time_ms': time, 'grpc.keepalive_timeout_ms': timeout } : {}),
    'grpc.keepalive_permit_without_calls': permit_without_stream ? 1 : 0,
  }
}
