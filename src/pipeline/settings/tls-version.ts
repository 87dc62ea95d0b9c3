import type { SecureVersion } from 'node:tls'

/** Versions as the Collector writes them. */
const TLS_VERSIONS = ['1.0', '1.1', '1.2', '1.3'] as const

export type TlsVersion = (typeof TLS_VERSIONS)[number]

/** Setting `min_version`, the same for both sides. */
export const minVersionSchema = {
  doc: 'lowest TLS version that is accepted',
  format: [...TLS_VERSIONS],
  default: '1.2' satisfies TlsVersion,
}

/** The same version in the words of node:tls. */
export function secureVersion(version: TlsVersion): SecureVersion {
  return version === '1.0' ? 'TLSv1' : `TLSv${version}`
}
