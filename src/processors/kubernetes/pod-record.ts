import type { Workload } from '../../flow/endpoint.ts'
import { Protocol } from '../../flow/enums.ts'
import type { LabelFilter } from '../../kubernetes/label-filter.ts'
import type { ObjectMeta } from '../../kubernetes/object.ts'
import { type Labels, podLabels } from '../../kubernetes/security-labels.ts'
import type { Interner } from './interner.ts'
import { type Choice, choiceOf } from './observe.ts'
import { portKey } from './ports.ts'
import { workloadOf } from './workload.ts'

/** What is read of a Pod. */
export interface RawPod {
  metadata: ObjectMeta
  spec: {
    nodeName?: string
    serviceAccountName?: string
    hostNetwork?: boolean
    containers?: { ports?: { containerPort: number; hostPort?: number; protocol?: string }[] | null }[] | null
  }
  status?: {
    phase?: string
    startTime?: string | null
    podIP?: string
    podIPs?: { ip: string }[] | null
    containerStatuses?: RawContainerStatus[] | null
    initContainerStatuses?: RawContainerStatus[] | null
  }
}

interface RawContainerStatus {
  state?: { terminated?: { finishedAt?: string | null } | null } | null
}

/** What is kept of a pod that has addresses: some 300 bytes, strings that repeat shared. */
export interface PodRecord {
  readonly namespace: string
  readonly name: string
  readonly uid: string
  readonly node: string
  readonly hostNetwork: boolean
  /** Every address of every interface; of a pod on the host's network those of the host. */
  readonly addresses: readonly string[]
  /** `portKey`s of container ports, only of pods on the host's network. */
  readonly ports: readonly number[]
  /** Own labels that make the identity. */
  readonly labels: Labels
  readonly serviceAccount: string
  readonly workload: Workload
  /** Name of the object behind `workload` whose owner only the API server knows; `''` = none. */
  readonly unresolved: string
  readonly observe: Choice
  /** Whether it runs an agent. */
  readonly agent: boolean
  /** Unix ms: not before this it had its addresses. */
  readonly startMs: number
  /** Unix ms at which its last container ended, infinite when nobody says; undefined while it runs. */
  readonly endMs: number | undefined
}

/** How pods are trimmed. */
export interface PodTrim {
  filter: LabelFilter
  interner: Interner
  isAgent(pod: RawPod): boolean
  /** Whether the labels of a pod choose it for observation. */
  isSelected(labels: Labels): boolean
}

/** Annotation of Multus: every interface of a pod with its addresses. */
const NETWORK_STATUS = 'k8s.v1.cni.cncf.io/network-status'

const PROTOCOLS: Readonly<Record<string, number>> = { TCP: Protocol.TCP, UDP: Protocol.UDP, SCTP: Protocol.SCTP }

const NO_PORTS: readonly number[] = []

/** Undefined for a pod that has no address yet. */
export function podRecord(pod: RawPod, { filter, interner, isAgent, isSelected }: PodTrim): PodRecord | undefined {
  const addresses = addressesOf(pod)
  if (addresses.length === 0) return undefined
  const { metadata, spec, status } = pod
  const labels = metadata.labels ?? {}
  const hostNetwork = spec.hostNetwork === true
  const { workload, unresolved } = workloadOf(metadata)
  return {
    namespace: interner.text(metadata.namespace ?? 'default'),
    name: metadata.name,
    uid: metadata.uid,
    node: interner.text(spec.nodeName ?? ''),
    hostNetwork,
    addresses,
    ports: hostNetwork ? portsOf(spec) : NO_PORTS,
    labels: interner.labels(podLabels(labels, filter)),
    serviceAccount: interner.text(spec.serviceAccountName ?? ''),
    workload: interner.workload(workload),
    unresolved: interner.text(unresolved),
    observe: choiceOf(metadata, isSelected(labels)),
    agent: isAgent(pod),
    startMs: time(status?.startTime) ?? time(metadata.creationTimestamp) ?? 0,
    endMs: endOf(status),
  }
}

function addressesOf({ metadata, status }: RawPod): string[] {
  const addresses = (status?.podIPs ?? []).map(({ ip }) => ip)
  if (addresses.length === 0 && status?.podIP) addresses.push(status.podIP)
  const networks = metadata.annotations?.[NETWORK_STATUS]
  if (networks === undefined) return addresses
  return [...new Set([...addresses, ...secondaryAddresses(networks)])]
}

/** Addresses in Multus' annotation. Users can write anything there: what is no address is left out. */
function secondaryAddresses(text: string): string[] {
  try {
    const networks: unknown = JSON.parse(text)
    if (!Array.isArray(networks)) return []
    return networks.flatMap((network) => ((network as { ips?: unknown } | null)?.ips ?? []) as unknown[]).filter(isText)
  } catch {
    return []
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

function portsOf({ containers }: RawPod['spec']): number[] {
  return (containers ?? []).flatMap(({ ports }) =>
    (ports ?? []).map(({ containerPort, protocol }) => portKey(PROTOCOLS[protocol ?? 'TCP'] ?? 0, containerPort)),
  )
}

/** The API tells whole seconds: the end may be up to a second later than it says. Sidecars are among the init containers. */
function endOf(status: RawPod['status']): number | undefined {
  if (status?.phase !== 'Succeeded' && status?.phase !== 'Failed') return undefined
  const containers = [...(status.containerStatuses ?? []), ...(status.initContainerStatuses ?? [])]
  const last = Math.max(0, ...containers.map(({ state }) => time(state?.terminated?.finishedAt) ?? 0))
  // A pod that was evicted, or whose node is lost.
  return last === 0 ? Number.POSITIVE_INFINITY : last + 1_000
}

function time(text: string | null | undefined): number | undefined {
  const ms = Date.parse(text ?? '')
  return Number.isNaN(ms) ? undefined : ms
}
