import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TlsServerConfig } from '../../src/pipeline/settings/tls-server.ts'

/** PEM files of a throw-away authority and what it signed. */
export interface Certificates {
  ca: string
  cert: string
  key: string
}

/** Makes an authority and one certificate for `names` (DNS names) and 127.0.0.1 in `folder`. Needs the `openssl` program. */
export function makeCertificates(folder: string, names: readonly string[] = ['localhost']): Certificates {
  const at = (name: string) => join(folder, name)
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe' })
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  openssl(
    'req',
    '-x509',
    ...key,
    '-keyout',
    at('ca.key'),
    '-out',
    at('ca.pem'),
    '-subj',
    '/CN=test authority',
    '-days',
    '1',
  )
  openssl('req', ...key, '-keyout', at('server.key'), '-out', at('server.csr'), '-subj', '/CN=test')
  const subjects = [...names.map((name) => `DNS:${name}`), 'IP:127.0.0.1'].join(',')
  writeFileSync(at('extensions'), `subjectAltName=${subjects}\n`)
  const signed = ['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial', '-extfile', at('extensions')]
  openssl('x509', '-req', '-in', at('server.csr'), ...signed, '-out', at('server.pem'), '-days', '1')
  return { ca: at('ca.pem'), cert: at('server.pem'), key: at('server.key') }
}

/** The `tls` section of a server that asks its clients for a certificate of the same authority. */
export function mutualTls({ ca, cert, key }: Certificates): TlsServerConfig {
  return { enabled: true, cert_file: cert, key_file: key, client_ca_file: ca, min_version: '1.3', reload_interval: 0 }
}
