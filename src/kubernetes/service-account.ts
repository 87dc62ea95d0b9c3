import { existsSync, readFileSync } from 'node:fs'
import { isIPv6 } from 'node:net'
import { join } from 'node:path'
import type { ApiServerConfig } from './access.ts'

/** Where kubelet puts a pod's service account. */
export const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount'

/** Whether this process runs in a pod with a service account in `directory`. */
export function hasServiceAccount(directory: string): boolean {
  return process.env.KUBERNETES_SERVICE_HOST !== undefined && existsSync(join(directory, 'token'))
}

/**
 * The API server as a pod finds it: `$KUBERNETES_SERVICE_HOST` and `_PORT`, and the files `token`, `ca.crt` and `namespace`.
 * Token and authority are read at each use, because kubelet replaces both. @throws Error that names the file
 */
export function serviceAccount(directory: string): ApiServerConfig {
  const { KUBERNETES_SERVICE_HOST: host = '', KUBERNETES_SERVICE_PORT: port = '443' } = process.env
  const read = (name: string) => readFileSync(join(directory, name), 'utf8').trim()
  return {
    server: `https://${isIPv6(host) ? `[${host}]` : host}:${port}`,
    namespace: existsSync(join(directory, 'namespace')) ? read('namespace') : undefined,
    proxied: false,
    requestOptions: async () => ({ headers: { Authorization: `Bearer ${read('token')}` }, ca: read('ca.crt') }),
  }
}
