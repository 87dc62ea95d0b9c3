import { type CallCredentials, ChannelCredentials, credentials, Metadata } from '@grpc/grpc-js'
import { Authorization, type ClientAuthConfig } from '../settings/client-auth.ts'
import type { ReloadEvents } from '../settings/file-reload.ts'
import { type GrpcClientConfig, isPlainTarget } from '../settings/grpc-client.ts'
import { grpcChannelCredentials, grpcServerName } from '../settings/tls-client.ts'

/** Settings of a gRPC client that concern whom it trusts, and who it is. */
export type GrpcSecurity = Pick<GrpcClientConfig, 'endpoint' | 'tls'> & { auth: ClientAuthConfig }

/** An endpoint as OpenTelemetry's exporters want it: a URL whose scheme has no meaning beside explicit credentials, but for `unix`. */
export function exporterUrl(endpoint: string): string {
  if (endpoint.startsWith('unix:')) return endpoint.replace(/^unix:(\/\/)?/, 'unix://')
  return `https://${endpoint.replace(/^(https?:\/\/|dns:\/\/[^/]*\/|dns:)/, '').replace(/\/$/, '')}`
}

/**
 * TLS, and the header `authorization` over it.
 * @param events told of files that are read again
 * @throws Error that names the file at fault
 */
export async function channelCredentials(config: GrpcSecurity, events: ReloadEvents): Promise<ChannelCredentials> {
  if (isPlainTarget(config)) return credentials.createInsecure()
  const authorization = await Authorization.open(config.auth, events)
  const plain = await grpcChannelCredentials(config.tls, events)
  const named = config.tls.server_name_override === '' ? plain : new NamedCredentials(plain, grpcServerName(config.tls))
  return authorization === undefined ? named : named.compose(callCredentials(authorization))
}

/** The configured headers. */
export function requestMetadata(headers: Readonly<Record<string, string>>): Metadata {
  const metadata = new Metadata()
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value)
  return metadata
}

function callCredentials(authorization: Authorization): CallCredentials {
  return credentials.createFromMetadataGenerator((_, done) => {
    authorization.value().then((value) => {
      const metadata = new Metadata()
      metadata.set('authorization', value)
      done(null, metadata)
    }, done)
  })
}

type Connector = Parameters<ChannelCredentials['_createSecureConnector']>

/** Adds channel options that concern TLS: OpenTelemetry's exporter makes its channel itself and takes none. */
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
