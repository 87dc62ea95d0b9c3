import type { Endpoint } from '../../../flow/endpoint.ts'

/** What a context says of an end that its endpoint alone tells (Cilium 1.19, `pkg/hubble/metrics/api`); `''` = nothing. */
type Reading = (endpoint: Endpoint) => string

/** Prefixes of the labels that name an application, any of them; labels are sorted, the first with a value counts. */
const APP_LABELS = ['k8s:app.kubernetes.io/name=', 'k8s:k8s-app=', 'k8s:app=']

const RESERVED = 'reserved:'
const KUBE_APISERVER = 'reserved:kube-apiserver'

/** Identifiers of contexts that are read from the endpoint. */
export const ENDPOINT_IDENTIFIERS: Readonly<Record<string, Reading>> = {
  identity: ({ labels }) => labels.join(','),
  namespace: ({ namespace }) => namespace,
  pod: ({ namespace, podName }) => within(namespace, podName),
  'pod-name': ({ podName }) => podName,
  'reserved-identity': reservedIdentity,
  workload: (end) => (workloadName(end) === '' ? '' : within(end.namespace, workloadName(end))),
  'workload-name': workloadName,
  app,
}

/** All of them, in the order of Hubble's help. */
export const IDENTIFIERS = [
  ...['identity', 'namespace', 'pod', 'pod-name', 'dns', 'ip'],
  ...['reserved-identity', 'workload', 'workload-name', 'app'],
]

/** Labels of `labelsContext` of one end, without `source_` or `destination_`; `ip` comes before them and is read from the row. */
export const END_LABELS: Readonly<Record<string, Reading>> = {
  pod: ({ podName }) => podName,
  namespace: ({ namespace }) => namespace,
  workload: workloadName,
  workload_kind: workloadKind,
  app,
}

/** Name of the first workload. */
export function workloadName({ workloads }: Endpoint): string {
  return workloads[0]?.name ?? ''
}

/** Kind of the first workload. */
export function workloadKind({ workloads }: Endpoint): string {
  return workloads[0]?.kind ?? ''
}

/** `reserved:kube-apiserver` where the end has it, else its first reserved label. */
export function reservedIdentity({ labels }: Endpoint): string {
  if (labels.includes(KUBE_APISERVER)) return KUBE_APISERVER
  return labels.find((label) => label.startsWith(RESERVED)) ?? ''
}

function app({ labels }: Endpoint): string {
  for (const label of labels) {
    for (const prefix of APP_LABELS) {
      if (label.startsWith(prefix) && label.length > prefix.length) return label.slice(prefix.length)
    }
  }
  return ''
}

function within(namespace: string, name: string): string {
  return namespace === '' ? name : `${namespace}/${name}`
}
