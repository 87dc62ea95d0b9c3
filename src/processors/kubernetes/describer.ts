import { type Endpoint, endpoint, type Workload } from '../../flow/endpoint.ts'
import { preferredEndpoint } from '../../kubernetes/endpoint-number.ts'
import type { LabelFilter } from '../../kubernetes/label-filter.ts'
import { type Labels, securityLabels } from '../../kubernetes/security-labels.ts'
import type { Identities } from './identities.ts'
import type { NodeRecord } from './node-record.ts'
import { type Choice, isObserved } from './observe.ts'
import type { PodRecord } from './pod-record.ts'

/** Numbers and labels of Cilium's reserved identities (pkg/identity/numericidentity.go). */
const HOST = 1
const REMOTE_NODE = 6
const KUBE_APISERVER = 7
const HOST_LABEL = 'reserved:host'
const REMOTE_NODE_LABEL = 'reserved:remote-node'
const APISERVER_LABEL = 'reserved:kube-apiserver'

export interface ClusterNames {
  /** Name of the cluster, as pods bear it in a label. */
  cluster: string
  /** Name of this agent's node. */
  node: string
}

/** What is kept of a namespace. */
export interface NamespaceRecord {
  /** As its pods bear them. */
  readonly labels: Labels
  readonly observe: Choice
}

const NO_NAMESPACE: NamespaceRecord = { labels: {}, observe: '' }

export interface DescriberSettings {
  names: ClusterNames
  filter: LabelFilter
  identities: Identities
  /** Whether pods that say nothing are observed. */
  observeDefault: boolean
  /** The workload behind one that only the API server knows. */
  behind(pod: PodRecord): Workload
}

/** Puts together what flows show of an end from everything that is known of the cluster. */
export class Describer {
  readonly namespaces = new Map<string, NamespaceRecord>()
  readonly nodes = new Map<string, NodeRecord>()
  /** Addresses of API servers. */
  apiServers: ReadonlySet<string> = new Set()
  readonly #settings: DescriberSettings

  constructor(settings: DescriberSettings) {
    this.#settings = settings
  }

  isObserved(pod: PodRecord): boolean {
    return isObserved(pod.observe, this.#namespace(pod).observe, this.#settings.observeDefault)
  }

  pod(pod: PodRecord): Endpoint {
    const { names, behind } = this.#settings
    return endpoint({
      ...this.identity(pod),
      namespace: pod.namespace,
      podName: pod.name,
      workloads: [pod.unresolved === '' ? pod.workload : behind(pod)],
      clusterName: names.cluster,
      nodeName: pod.node,
      zone: this.nodes.get(pod.node)?.zone ?? '',
    })
  }

  /** The part of a pod's description for which nobody is asked. */
  identity(pod: PodRecord): Pick<Endpoint, 'identity' | 'labels' | 'localId'> {
    const { names, filter, identities } = this.#settings
    const { labels, namespace, serviceAccount } = pod
    const namespaceLabels = this.#namespace(pod).labels
    const security = { labels, namespace, namespaceLabels, serviceAccount, cluster: names.cluster }
    const identity = identities.of(pod, securityLabels(security, filter))
    const onHost = pod.hostNetwork ? this.#nodeIdentity(this.nodes.get(pod.node), pod.node) : undefined
    const local = pod.node === names.node && !pod.hostNetwork
    return {
      identity: onHost?.number ?? identity.number,
      labels: onHost === undefined ? identity.labels : [...identity.labels, ...onHost.labels].sort(),
      localId: local ? identity.localId || preferredEndpoint(pod.uid) : 0,
    }
  }

  node(node: NodeRecord): Endpoint {
    const { number, labels } = this.#nodeIdentity(node, node.name)
    return endpoint({
      identity: number,
      labels,
      clusterName: this.#settings.names.cluster,
      nodeName: node.name,
      zone: node.zone,
    })
  }

  /** An API server that is no node of this cluster. */
  outsideApiServer(): Endpoint {
    return endpoint({ identity: KUBE_APISERVER, labels: [APISERVER_LABEL, 'reserved:world'] })
  }

  /** @param backends what stands behind it, as far as it was looked at */
  service(service: { name: string; namespace: string }, backends: readonly Endpoint[]): Endpoint {
    const [first] = backends
    const agree = first !== undefined && backends.every(({ identity }) => identity === first.identity)
    const workload = first?.workloads[0]
    const sameWorkload = backends.every(({ workloads: [other] }) => sameName(other, workload))
    return endpoint({
      identity: agree ? first.identity : 3,
      labels: agree ? first.labels : ['reserved:unmanaged'],
      workloads: agree && sameWorkload ? first.workloads : [],
      namespace: service.namespace,
      clusterName: this.#settings.names.cluster,
      service,
    })
  }

  #namespace({ namespace }: PodRecord): NamespaceRecord {
    return this.namespaces.get(namespace) ?? NO_NAMESPACE
  }

  /** This node is the host whoever else it is; another one that runs an API server is that. */
  #nodeIdentity(node: NodeRecord | undefined, name: string): { number: number; labels: string[] } {
    const own = name === this.#settings.names.node
    const label = own ? HOST_LABEL : REMOTE_NODE_LABEL
    const serves = node?.addresses.some((address) => this.apiServers.has(address)) ?? false
    if (!serves) return { number: own ? HOST : REMOTE_NODE, labels: [label] }
    return { number: own ? HOST : KUBE_APISERVER, labels: [label, APISERVER_LABEL].sort() }
  }
}

function sameName(a: Workload | undefined, b: Workload | undefined): boolean {
  return a?.name === b?.name && a?.kind === b?.kind
}
