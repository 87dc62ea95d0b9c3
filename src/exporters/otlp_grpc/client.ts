import { type CallCredentials, ChannelCredentials, Metadata } from '@grpc/grpc-js'
import { CompressionAlgorithm } from '@opentelemetry/otlp-exporter-base'
import type { OTLPGRPCExporterConfigNode } from '@opentelemetry/otlp-grpc-exporter-base'
import type { ReloadEvents } from '../../pipeline/settings/file-reload.ts'
import { grpcChannelCredentials, grpcServerName, type TlsClientConfig } from '../../pipeline/settings/tls-client.ts'
import type { OtlpGrpcConfig } from './config.ts'

/**
 * What OpenTelemetry's gRPC exporters take, from ours.
 * @param events told of TLS files that are read again; without it they are not
 * @throws Error that names the TLS file at fault
 */
export async function clientSettings(
  config: OtlpGrpcConfig,
  userAgent: string,
  events?: ReloadEvents,
): Promise<OTLPGRPCExporterConfigNode> {
  const metadata = new Metadata()
  for (const [name, value] of Object.entries(config.headers)) metadata.set(name, value)
  const { url, plainText } = target(config.endpoint)
  return {
    url,
    credentials: plainText ? ChannelCredentials.createInsecure() : await credentials(config.tls, events),
    metadata,
    compression: config.compression === 'gzip' ? CompressionAlgorithm.GZIP : CompressionAlgorithm.NONE,
    timeoutMillis: config.timeout,
    userAgent,
  }
}

/** The exporter wants a URL; its scheme has no meaning beside explicit credentials, but for `unix`. As in the Collector `http://` switches TLS off. */
function target(endpoint: string): { url: string; plainText: boolean } {
  if (endpoint.startsWith('unix:')) {
    return { url: endpoint.replace(/^unix:(\/\/)?/, 'unix://'), plainText: false }
  }
  const address = endpoint.replace(/^(https?:\/\/|dns:\/\/[^/]*\/|dns:)/, '').replace(/\/$/, '')
  return { url: `https://${address}`, plainText: endpoint.startsWith('http://') }
}

async function credentials(config: TlsClientConfig, events?: ReloadEvents): Promise<ChannelCredentials> {
  const plain = await grpcChannelCredentials(config, events)
  return config.server_name_override === '' ? plain : new NamedCredentials(plain, grpcServerName(config))
}

type Connector = Parameters<ChannelCredentials['_createSecureConnector']>

/** Adds channel options that concern TLS: the exporter makes its channel itself and takes none. */
class NamedCredentials extends ChannelCredentials {
  readonly #inner: ChannelCredentials
  readonly #options: Readonly<Record<string, string>>

  constructor(inner: ChannelCredentials, options: Readonly<Record<string, string>>) {
    super()
    this.#inner = inner
    this.#options = options
  }

  override _isSecure(): boolean {
    return this.#inner._isSecure()
  }

  override _equals(other: ChannelCredentials): boolean {
    return this === other
  }

  override _createSecureConnector(target: Connector[0], options: Connector[1], call?: CallCredentials) {
    return this.#inner._createSecureConnector(target, { ...options, ...this.#options }, call)
  }
}
