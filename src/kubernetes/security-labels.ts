import type { LabelFilter } from './label-filter.ts'

/** The labels that make a pod's identity, as Cilium derives them (pkg/k8s/utils.SanitizePodLabels and its label names). */

/** Namespace of the pod. */
export const NAMESPACE_LABEL = 'io.kubernetes.pod.namespace'
/** Before each label of the pod's namespace. */
const NAMESPACE_LABELS_PREFIX = 'io.cilium.k8s.namespace.labels.'
const SERVICE_ACCOUNT_LABEL = 'io.cilium.k8s.policy.serviceaccount'
const CLUSTER_LABEL = 'io.cilium.k8s.policy.cluster'

/** Source of labels that come from Kubernetes: `k8s:app=web`. */
const SOURCE = 'k8s:'

export type Labels = Readonly<Record<string, string>>

/** What a pod's identity is made of. */
export interface PodIdentity {
  /** Own labels of the pod, filtered. */
  labels: Labels
  namespace: string
  /** Labels of the namespace, as `namespaceLabels` gives them. */
  namespaceLabels: Labels
  serviceAccount: string
  cluster: string
}

/** The pod's own labels that count; none that pretends to be a derived one. */
export function podLabels(labels: Labels, filter: LabelFilter): Labels {
  return pick(labels, (key) => (isDerived(key) || !filter.keeps(key) ? undefined : key))
}

/** The labels of a namespace as its pods bear them. */
export function namespaceLabels(labels: Labels, filter: LabelFilter): Labels {
  return pick(labels, (key) => {
    const derived = `${NAMESPACE_LABELS_PREFIX}${key}`
    return filter.keeps(derived) ? derived : undefined
  })
}

/** Security labels of a pod: `k8s:key` → value, sorted by key. */
export function securityLabels(pod: PodIdentity, filter: LabelFilter): Record<string, string> {
  const all: Record<string, string> = { ...pod.labels, ...pod.namespaceLabels }
  if (filter.keeps(NAMESPACE_LABEL)) all[NAMESPACE_LABEL] = pod.namespace
  if (filter.keeps(SERVICE_ACCOUNT_LABEL) && pod.serviceAccount !== '') all[SERVICE_ACCOUNT_LABEL] = pod.serviceAccount
  if (filter.keeps(CLUSTER_LABEL)) all[CLUSTER_LABEL] = pod.cluster
  const keys = Object.keys(all).sort()
  return Object.fromEntries(keys.map((key) => [`${SOURCE}${key}`, all[key] ?? '']))
}

/** One text for one set of labels: `k8s:a=b;k8s:c=d;`. */
export function labelsKey(labels: Labels): string {
  let key = ''
  for (const name of Object.keys(labels).sort()) key += `${name}=${labels[name]};`
  return key
}

/** `k8s:a=b`, sorted, as flows and CiliumEndpoints carry them. */
export function labelList(labels: Labels): string[] {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .sort()
}

/** Cilium's own prefix is left out whatever follows, as by its SanitizePodLabels. */
function isDerived(key: string): boolean {
  return key === NAMESPACE_LABEL || key.startsWith('io.cilium.k8s')
}

function pick(labels: Labels, rename: (key: string) => string | undefined): Labels {
  const picked: Record<string, string> = {}
  for (const [key, value] of Object.entries(labels)) {
    const name = rename(key)
    if (name !== undefined) picked[name] = value
  }
  return picked
}
