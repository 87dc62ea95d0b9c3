import { createAccount, shippedRole } from './agent-role.ts'
import type { Cluster } from './cluster.ts'

/** The service account `fovea/fovea-operator` bound to exactly the roles that the chart ships. @returns its kubeconfig */
export function operatorAccount(cluster: Cluster): string {
  const namespaced = shippedRole('operator-role').replace('metadata:\n', 'metadata:\n  namespace: fovea\n')
  return createAccount(cluster, 'fovea-operator', [
    shippedRole('operator-cluster-role'),
    shippedRole('operator-crds-cluster-role'),
    namespaced,
    binding('ClusterRole', 'fovea-operator'),
    binding('ClusterRole', 'fovea-operator-crds'),
    binding('Role', 'fovea-operator'),
  ])
}

function binding(kind: 'ClusterRole' | 'Role', role: string): string {
  return `apiVersion: rbac.authorization.k8s.io/v1
kind: ${kind}Binding
metadata: {name: ${role}, namespace: fovea}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ${kind}, name: ${role}}
subjects: [{kind: ServiceAccount, name: fovea-operator, namespace: fovea}]`
}
