import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './checkout.ts'
import type { Cluster } from './cluster.ts'

/** The rules that the chart ships, by the names of their files without `.yaml`. */
export function shippedRole(name: string): string {
  return readFileSync(join(root, `helm/fovea/files/${name}.yaml`), 'utf8')
}

/**
 * A service account `fovea/NAME` bound to exactly these cluster roles.
 * @param roles manifests @returns its kubeconfig
 */
export function accountWith(cluster: Cluster, name: string, roles: readonly string[]): string {
  const bindings = roles.map((role) => {
    const roleName = /^ {2}name: (\S+)$/m.exec(role)?.[1] ?? ''
    return `${role}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: ${roleName}-${name}}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: ${roleName}}
subjects: [{kind: ServiceAccount, name: ${name}, namespace: fovea}]`
  })
  return createAccount(cluster, name, bindings)
}

/** Makes the service account `fovea/NAME`. @param rights manifests of roles and bindings @returns its kubeconfig */
export function createAccount(cluster: Cluster, name: string, rights: readonly string[]): string {
  const account = `apiVersion: v1
kind: Namespace
metadata: {name: fovea}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: ${name}, namespace: fovea}`
  cluster.apply([account, ...rights].join('\n---\n'))
  return cluster.serviceAccount('fovea', name)
}
