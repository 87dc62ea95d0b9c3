import { createHash, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createSecureContext, type SecureContextOptions } from 'node:tls'

/** A setting that names a PEM file. */
export type PemSetting = 'ca_file' | 'cert_file' | 'client_ca_file' | 'key_file'

/**
 * Content of a PEM file; `undefined` when no path is set.
 * @throws Error that names the setting and the file when it cannot be read, has no certificate or no key, or is cut off
 */
export async function readPem(setting: PemSetting, path: string): Promise<Buffer | undefined> {
  if (path === '') return undefined
  try {
    const content = await readFile(path)
    if (setting === 'key_file') demandBlocks(content, path, 'PRIVATE KEY')
    else for (const block of demandBlocks(content, path, 'CERTIFICATE')) demandCertificate(block, path)
    return content
  } catch (cause) {
    throw new Error(`failed to load TLS config: ${setting}: ${reason(cause)}`, { cause })
  }
}

/** OpenSSL does not say which file it does not understand, and takes authorities as far as it can read them. */
function demandBlocks(content: Buffer, path: string, kind: 'PRIVATE KEY' | 'CERTIFICATE'): string[] {
  const text = content.toString('latin1')
  const begins = text.match(new RegExp(`^-----BEGIN (?:.+ )?${kind}-----`, 'gm'))?.length ?? 0
  if (begins === 0) throw new Error(`${path} is no PEM file with "-----BEGIN ${kind}-----"`)
  const blocks =
    text.match(new RegExp(`^-----BEGIN (?:.+ )?${kind}-----[^-]*^-----END (?:.+ )?${kind}-----`, 'gm')) ?? []
  if (blocks.length < begins) throw new Error(`${path} is cut off: a block has no "-----END ${kind}-----"`)
  return blocks
}

function demandCertificate(block: string, path: string): void {
  try {
    new X509Certificate(block)
  } catch (cause) {
    throw new Error(`${path} has a certificate that cannot be read: ${reason(cause)}`, { cause })
  }
}

/** When the first certificate of a PEM file ends, Unix milliseconds. */
export function notAfterMs(pem: Buffer): number {
  return Date.parse(new X509Certificate(pem).validTo)
}

/** Changes with every byte of the files. Secrets cannot be read from it. */
export function fingerprint(...files: readonly (Buffer | undefined)[]): string {
  const hash = createHash('sha256')
  for (const file of files) hash.update(`${file?.length ?? -1}:`).update(file ?? '')
  return hash.digest('hex')
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
