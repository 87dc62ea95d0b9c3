import { addressPairs, type NamedPort, type Networking } from '../kubernetes/cilium.ts'
import type { LabelFilter } from '../kubernetes/label-filter.ts'
import type { ObjectMeta } from '../kubernetes/object.ts'
import { type Labels, podLabels } from '../kubernetes/security-labels.ts'

/** What is read of a Pod. */
export interface RawPod {
  metadata: ObjectMeta
  spec: {
    nodeName?: string
    serviceAccountName?: string
    hostNetwork?: boolean
    containers?: { ports?: ContainerPort[] | null }[]
  }
  status?: { phase?: string; podIP?: string; podIPs?: { ip: string }[] | null; hostIP?: string }
}

interface ContainerPort {
  name?: string
  containerPort: number
  protocol?: string
}

/** What is kept of a pod that has an endpoint of its own. */
export interface Pod {
  readonly namespace: string
  readonly name: string
  readonly uid: string
  /** Labels that make its identity. */
  readonly labels: Labels
  readonly serviceAccount: string
  /** Address of its node; `''` = not known. */
  readonly hostIp: string
  readonly addresses: readonly string[]
  /** Sorted by name. */
  readonly ports: readonly NamedPort[]
}

/**
 * A pod as far as it is an endpoint; undefined for one that is none: without an address yet, ended, or on the node's own network
 * (there it is the host).
 */
export function podOf({ metadata, spec, status }: RawPod, filter: LabelFilter): Pod | undefined {
  const addresses = (status?.podIPs ?? []).map(({ ip }) => ip)
  if (addresses.length === 0 && status?.podIP) addresses.push(status.podIP)
  const ended = status?.phase === 'Succeeded' || status?.phase === 'Failed'
  if (spec.hostNetwork === true || addresses.length === 0 || ended) return undefined
  return {
    namespace: metadata.namespace ?? 'default',
    name: metadata.name,
    uid: metadata.uid,
    labels: podLabels(metadata.labels ?? {}, filter),
    serviceAccount: spec.serviceAccountName ?? '',
    hostIp: status?.hostIP ?? '',
    addresses,
    ports: namedPorts(spec),
  }
}

/** What an endpoint and its copy in a slice say alike: addresses, node, service account and named ports. */
export function endpointFields(pod: Pod): {
  networking: Networking
  'named-ports'?: NamedPort[]
  'service-account'?: string
} {
  return {
    networking: { addressing: addressPairs(pod.addresses), ...(pod.hostIp === '' ? {} : { node: pod.hostIp }) },
    ...(pod.ports.length === 0 ? {} : { 'named-ports': [...pod.ports] }),
    ...(pod.serviceAccount === '' ? {} : { 'service-account': pod.serviceAccount }),
  }
}

/** As Cilium: of the containers, not of those that initialise; a name that comes twice is that of the last. */
function namedPorts({ containers = [] }: RawPod['spec']): readonly NamedPort[] {
  const ports = new Map<string, NamedPort>()
  for (const { name = '', containerPort, protocol = 'TCP' } of containers.flatMap((container) => container.ports ?? []))
    if (name !== '') ports.set(name, { name, port: containerPort, protocol })
  return ports.size === 0 ? NO_PORTS : [...ports.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
}

const NO_PORTS: readonly NamedPort[] = []
