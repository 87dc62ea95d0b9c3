import type { SecureContextOptions } from 'node:tls'
import { ServerCredentials } from '@grpc/grpc-js'
import { keepTlsFresh, loadTlsServer, type TlsServerConfig, type TlsServerOptions } from './tls-server.ts'

/** Credentials of a gRPC server, and the end of their reloading. */
export interface GrpcServerCredentials {
  credentials: ServerCredentials
  close(): void
}

/**
 * Credentials from a `tls` section: plain text when it is off, else TLS with `min_version`, client certificates and reloading.
 * @throws Error that names the file at fault
 */
export async function grpcServerCredentials(
  config: TlsServerConfig,
  failed: (error: Error) => void,
): Promise<GrpcServerCredentials> {
  const options = await loadTlsServer(config)
  if (options === undefined) return { credentials: ServerCredentials.createInsecure(), close: () => {} }
  const credentials = new TlsServerCredentials(options)
  return { credentials, close: keepTlsFresh(config, credentials, failed) }
}

/** `ServerCredentials.createSsl` knows neither a lowest version nor new files; the class below it knows both. */
class TlsServerCredentials extends ServerCredentials {
  constructor({ requestCert, rejectUnauthorized, ...context }: TlsServerOptions) {
    super({ requestCert, rejectUnauthorized }, context)
  }

  setSecureContext(options: SecureContextOptions): void {
    this.updateSecureContextOptions(options)
  }

  override _equals(other: ServerCredentials): boolean {
    return other === this
  }
}
