import { createSecureContext, getCACertificates, type SecureContextOptions } from 'node:tls'
import { type ChannelCredentials, credentials as grpc } from '@grpc/grpc-js'
import type { Problem } from '../component.ts'
import type { Loaded, ReloadEvents } from './file-reload.ts'
import { checkedContext, fingerprint, readPem } from './read-pem.ts'
import { ReloadingCredentials } from './reloading-credentials.ts'
import { minVersionSchema, secureVersion, type TlsVersion } from './tls-version.ts'

/** `tls` of a client. TLS is on unless `insecure`. */
export interface TlsClientConfig {
  insecure: boolean
  insecure_skip_verify: boolean
  ca_file: string
  cert_file: string
  key_file: string
  server_name_override: string
  min_version: TlsVersion
  /** Milliseconds; 0 = never read again. */
  reload_interval: number
}

/** Schema of a client's `tls` section. */
export const tlsClientSchema = {
  insecure: { doc: 'plain text instead of TLS; ignored when ca_file is set', format: Boolean, default: false },
  insecure_skip_verify: { doc: "accept every server's certificate", format: Boolean, default: false },
  ca_file: {
    doc: "PEM file of the server's authorities; empty: the system's and Node's own",
    format: 'file',
    default: '',
  },
  cert_file: { doc: "PEM file of the client's certificate chain (mutual TLS)", format: 'file', default: '' },
  key_file: { doc: "PEM file of the client's key", format: 'file', default: '' },
  server_name_override: {
    doc: "name the server's certificate must have instead of the host of the endpoint",
    format: String,
    default: '',
  },
  min_version: minVersionSchema,
  reload_interval: {
    doc: 'read the files again before a connection is made, when they are older than this; 0 = never',
    format: 'duration',
    default: '0s',
  },
}

/** What settings alone cannot tell. @param path of the section below the component, for example `['tls']` */
export function checkTlsClient(config: TlsClientConfig, path: readonly string[]): Problem[] {
  if ((config.cert_file === '') === (config.key_file === '')) return []
  const missing = config.cert_file === '' ? 'cert_file' : 'key_file'
  return [{ path: [...path, missing], message: 'TLS configuration must include both certificate and key, or neither' }]
}

/** Whether the client speaks plain text. */
export function isPlainText(config: TlsClientConfig): boolean {
  return config.insecure && config.ca_file === ''
}

/** Reads the files. @returns `undefined` for plain text @throws Error that names the file at fault */
export async function loadTlsClient(config: TlsClientConfig): Promise<Loaded<SecureContextOptions> | undefined> {
  return isPlainText(config) ? undefined : await load(config)
}

async function load(config: TlsClientConfig): Promise<Loaded<SecureContextOptions>> {
  const ca = await readPem('ca_file', config.ca_file)
  const cert = await readPem('cert_file', config.cert_file)
  const key = await readPem('key_file', config.key_file)
  const content = checkedContext({
    ca: ca ?? [...new Set([...getCACertificates('default'), ...getCACertificates('system')])],
    minVersion: secureVersion(config.min_version),
    ...(cert === undefined ? {} : { cert, key }),
  })
  return { content, fingerprint: fingerprint(ca, cert, key) }
}

/**
 * Credentials for a gRPC channel. `server_name_override` also needs {@link grpcServerName} among the channel options.
 * @param events told of files that are read again
 * @throws Error that names the file at fault
 */
export async function grpcChannelCredentials(
  config: TlsClientConfig,
  events?: ReloadEvents,
): Promise<ChannelCredentials> {
  const files = await loadTlsClient(config)
  if (files === undefined) return grpc.createInsecure()
  const verify = config.insecure_skip_verify ? { rejectUnauthorized: false, checkServerIdentity: () => undefined } : {}
  const create = (options: SecureContextOptions) => grpc.createFromSecureContext(createSecureContext(options), verify)
  const { reload_interval: intervalMs } = config
  if (intervalMs === 0 || events === undefined) return create(files.content)
  return new ReloadingCredentials(files, { load: () => load(config), create, intervalMs, events })
}

/** Channel options that make gRPC check `server_name_override` instead of the endpoint's host. */
export function grpcServerName(config: TlsClientConfig): Record<string, string> {
  const name = config.server_name_override
  return name === '' ? {} : { 'grpc.ssl_target_name_override': name, 'grpc.default_authority': name }
}
