import { readFile } from 'node:fs/promises'
import { createSecureContext, type SecureContextOptions } from 'node:tls'

/** A setting that names a PEM file. */
export type PemSetting = 'ca_file' | 'cert_file' | 'client_ca_file' | 'key_file'

/**
 * Content of a PEM file; `undefined` when no path is set.
 * @throws Error that names the setting and the file when it cannot be read or has no certificate, or no key
 */
export async function readPem(setting: PemSetting, path: string): Promise<Buffer | undefined> {
  if (path === '') return undefined
  try {
    return demandBlock(await readFile(path), path, setting === 'key_file' ? 'PRIVATE KEY' : 'CERTIFICATE')
  } catch (cause) {
    throw new Error(`failed to load TLS config: ${setting}: ${reason(cause)}`, { cause })
  }
}

/** OpenSSL does not say which file it does not understand, and takes authorities without one certificate for good. */
function demandBlock(content: Buffer, path: string, kind: 'PRIVATE KEY' | 'CERTIFICATE'): Buffer {
  if (new RegExp(`^-----BEGIN (.+ )?${kind}-----`, 'm').test(content.toString('latin1'))) return content
  throw new Error(`${path} is no PEM file with "-----BEGIN ${kind}-----"`)
}

/** Tries the options once, so that a key that does not fit its certificate is found before anything listens. */
export function checkedContext(options: SecureContextOptions): SecureContextOptions {
  try {
    createSecureContext(options)
    return options
  } catch (cause) {
    throw new Error(`failed to load TLS config: cert_file, key_file: ${reason(cause)}`, { cause })
  }
}

function reason(cause: unknown): string {
  if ((cause as { code?: unknown }).code === 'ERR_OSSL_X509_KEY_VALUES_MISMATCH')
    return 'the key is not that of the certificate'
  return cause instanceof Error ? cause.message : String(cause)
}
