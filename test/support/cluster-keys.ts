import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']

/**
 * Makes in `folder` what a control plane needs: `ca`, `apiserver` (serving), `admin` (client, system:masters) and the key
 * pair `sa` that signs service account tokens. Needs the `openssl` program.
 */
export function makeClusterKeys(folder: string): void {
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' })
  openssl('req', '-x509', ...EC, '-days', '2', '-subj', '/CN=test-ca', '-keyout', 'ca.key', '-out', 'ca.crt')
  const leaf = (name: string, subject: string, extensions: string) => {
    openssl('req', ...EC, '-subj', subject, '-keyout', `${name}.key`, '-out', `${name}.csr`)
    writeFileSync(join(folder, `${name}.ext`), extensions)
    const signed = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', `${name}.ext`]
    openssl('x509', '-req', '-in', `${name}.csr`, '-days', '2', ...signed, '-out', `${name}.crt`)
  }
  const names = 'subjectAltName=IP:127.0.0.1,IP:10.96.0.1,DNS:localhost,DNS:kubernetes.default.svc'
  leaf('apiserver', '/CN=kube-apiserver', `${names}\nextendedKeyUsage=serverAuth\n`)
  leaf('admin', '/O=system:masters/CN=admin', 'extendedKeyUsage=clientAuth\n')
  openssl('genrsa', '-out', 'sa.key', '2048')
  openssl('rsa', '-in', 'sa.key', '-pubout', '-out', 'sa.pub')
}
