import type { SecureContextOptions } from 'node:tls'
import type { Problem } from '../component.ts'
import { FileReload, type Loaded } from './file-reload.ts'
import { type OptionalSection, optionalSection } from './optional-section.ts'
import { checkedContext, fingerprint, notAfterMs, readPem } from './read-pem.ts'
import type { ServerReports } from './server-reports.ts'
import { minVersionSchema, secureVersion, type TlsVersion } from './tls-version.ts'

/** `tls` of a server. Without the section the server speaks plain text. */
export interface TlsServerConfig extends OptionalSection {
  cert_file: string
  key_file: string
  client_ca_file: string
  min_version: TlsVersion
  /** Milliseconds; 0 = never read again. */
  reload_interval: number
}

/** A server without TLS. */
export const PLAIN_TEXT: TlsServerConfig = {
  enabled: false,
  cert_file: '',
  key_file: '',
  client_ca_file: '',
  min_version: '1.2',
  reload_interval: 0,
}

/** Schema of a server's `tls` section. */
export const tlsServerSchema = optionalSection({
  cert_file: { doc: "PEM file of the server's certificate chain", format: 'file', default: '' },
  key_file: { doc: "PEM file of the server's key", format: 'file', default: '' },
  client_ca_file: {
    doc: 'PEM file of the authorities of client certificates; set, every client must show one (mutual TLS)',
    format: 'file',
    default: '',
  },
  min_version: minVersionSchema,
  reload_interval: { doc: 'how often the files are read again; 0 = never', format: 'duration', default: '0s' },
})

/** What settings alone cannot tell. @param path of the section below the component, for example `['tls']` */
export function checkTlsServer(config: TlsServerConfig, path: readonly string[]): Problem[] {
  if (!config.enabled || (config.cert_file !== '' && config.key_file !== '')) return []
  const missing = config.cert_file === '' ? 'cert_file' : 'key_file'
  const message = 'TLS configuration must include both certificate and key for server connections'
  return [{ path: [...path, missing], message }]
}

/** What node:tls and HTTP servers need: context plus whether a client must show a certificate. */
export interface TlsServerOptions extends SecureContextOptions {
  requestCert: boolean
  rejectUnauthorized: boolean
}

/** The files of a `tls` section. */
export interface TlsServerFiles {
  options: TlsServerOptions
  /** When the certificate ends, Unix milliseconds. */
  notAfterMs: number
}

/** A client that has not finished its handshake after this long is cut off. */
export const HANDSHAKE_TIMEOUT_MS = 10_000

/** Reads the files. @returns `undefined` when TLS is off @throws Error that names the file at fault */
export async function loadTlsServer(config: TlsServerConfig): Promise<Loaded<TlsServerFiles> | undefined> {
  return config.enabled ? await load(config) : undefined
}

async function load(config: TlsServerConfig): Promise<Loaded<TlsServerFiles>> {
  const ca = await readPem('client_ca_file', config.client_ca_file)
  const cert = (await readPem('cert_file', config.cert_file)) as Buffer
  const key = await readPem('key_file', config.key_file)
  const minVersion = secureVersion(config.min_version)
  const context = checkedContext({ cert, key, minVersion, ...(ca === undefined ? {} : { ca }) })
  const options = { ...context, requestCert: ca !== undefined, rejectUnauthorized: ca !== undefined }
  return { content: { options, notAfterMs: notAfterMs(cert) }, fingerprint: fingerprint(ca, cert, key) }
}

/** Something whose certificates can be exchanged while it listens: a TLS or HTTPS server. */
export interface SecureContextHolder {
  setSecureContext(options: SecureContextOptions): void
}

/**
 * Reads the files again every `reload_interval`; new connections get the new certificate, running ones go on.
 * @param first what the holder was made with
 * @param reports told of faults and of the certificate in force
 * @returns a function that ends it
 */
export function keepTlsFresh(
  config: TlsServerConfig,
  first: Loaded<TlsServerFiles>,
  holder: SecureContextHolder,
  reports: ServerReports,
): () => void {
  const apply = ({ options, notAfterMs }: TlsServerFiles) => {
    holder.setSecureContext(options)
    reports.certificate(notAfterMs)
  }
  reports.certificate(first.content.notAfterMs)
  const reload = new FileReload('tls', first, { load: () => load(config), apply, events: reports })
  return reload.every(config.reload_interval)
}
