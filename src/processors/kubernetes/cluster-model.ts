import type { EndpointTable, Workload } from '../../flow/endpoint.ts'
import type { LabelFilter } from '../../kubernetes/label-filter.ts'
import type { Listener } from '../../kubernetes/object-store.ts'
import { AgentPods } from './agent-pods.ts'
import { ApiServers } from './api-servers.ts'
import { ClusterCensus } from './census.ts'
import { ClaimedAddresses } from './claimed-addresses.ts'
import { ClusterEvents } from './cluster-events.ts'
import { type ClusterNames, Describer, type NamespaceRecord } from './describer.ts'
import { EndResolver } from './end-resolver.ts'
import { HostPods } from './host-pods.ts'
import { Identities, type KnownEndpoint, type KnownIdentity, sameEndpoint } from './identities.ts'
import { NodeOwners } from './node-owners.ts'
import type { NodeRecord } from './node-record.ts'
import { Owners } from './owners.ts'
import { Ownership, type OwnershipLimits } from './ownership.ts'
import { PodOwners } from './pod-owners.ts'
import type { PodRecord } from './pod-record.ts'
import { ANY_NODE, CONTESTED, ServicePorts } from './ports.ts'
import { PrefixSet } from './prefix-set.ts'
import { ServiceOwners } from './service-owners.ts'
import type { ServiceRecord, SliceRecord } from './service-record.ts'
import { type SlicedEndpoint, SlicedEndpoints } from './sliced-endpoints.ts'
import { TimedPorts } from './timed-ports.ts'

export interface ModelSettings {
  table: EndpointTable
  names: ClusterNames
  limits: OwnershipLimits
  filter: LabelFilter
  observeDefault: boolean
  /** The workload behind one that only the API server knows. */
  behind(pod: PodRecord): Workload
  clock?: () => number
}

/** Service whose endpoints are the API servers. */
const API_SERVICE = 'default/kubernetes'

/** The cluster as flows need it: fed by informers, asked for every end of every flow. */
export class ClusterModel {
  readonly owners: Owners
  readonly ownership: Ownership
  readonly resolver: EndResolver
  /** Where pods get addresses from, as far as nodes say. */
  readonly podNetworks = new PrefixSet()
  readonly slicedEndpoints = new SlicedEndpoints((pod, before, now) => this.#slicedChanged(pod, before, now))
  readonly identities = new Identities(this.slicedEndpoints)
  /** Whether pods have addresses of both families, as far as this node says: the world then is two, as in Cilium. */
  dualStack = false
  readonly describer: Describer
  readonly nodes: NodeOwners
  readonly services: ServiceOwners
  readonly pods: PodOwners
  readonly #apiServers: ApiServers
  readonly #agents: AgentPods
  readonly #servicePorts: TimedPorts
  readonly #hostPorts: TimedPorts
  readonly #events: ClusterEvents
  readonly #table: EndpointTable
  readonly #names: ClusterNames
  readonly #endCensus: () => void
  /** What changed since the last `settle`, by which pods are described. */
  readonly #changedNodes = new Set<string>()
  readonly #changedNamespaces = new Set<string>()
  #identitiesChanged = false

  constructor({ table, names, limits, filter, observeDefault, behind, clock }: ModelSettings) {
    this.#table = table
    this.#names = names
    this.owners = new Owners(table, limits, clock)
    this.#agents = new AgentPods(table.cluster)
    this.ownership = new Ownership(limits, (owner) => this.owners.release(owner), clock)
    const { owners, ownership, podNetworks } = this
    this.#servicePorts = this.#timedPorts(limits, clock)
    this.#hostPorts = this.#timedPorts(limits, clock)
    const hostPods = new HostPods(ownership, owners, this.#hostPorts)
    const ports = new ServicePorts(ownership, this.#servicePorts)
    const addresses = new ClaimedAddresses(ownership, owners)
    const describer = new Describer({ names, filter, identities: this.identities, observeDefault, behind })
    this.describer = describer
    this.#events = new ClusterEvents(table.cluster.events, describer, names.node)
    this.resolver = new EndResolver({ ownership, owners, services: ports, hostPods })
    this.pods = new PodOwners({ owners, addresses, hostPods, describer })
    const changed = (node: string) => void this.#changedNodes.add(node)
    this.nodes = new NodeOwners({ owners, addresses, describer, podNetworks, changed })
    this.services = new ServiceOwners({ owners, ownership, addresses, ports, describer })
    const { pods, nodes, services } = this
    this.#endCensus = table.cluster.addCensus(new ClusterCensus({ owners, pods, nodes, services }))
    this.#apiServers = new ApiServers({ owners, addresses, describer, nodes: this.nodes })
  }

  /** Endpoint id of this agent's own node; 0 = the node is not known yet. */
  get hostId(): number {
    const owner = this.nodes.number(this.#names.node)
    return owner === 0 ? 0 : this.owners.idNow(owner)
  }

  readonly podListener: Listener<PodRecord> = {
    added: (key, pod) => {
      this.pods.added(key, pod)
      this.#agents.set(key, pod)
      this.#events.pod(undefined, pod)
    },
    updated: (key, pod, before) => {
      this.pods.updated(key, pod, before)
      this.#agents.set(key, pod)
      this.#events.pod(before, pod)
    },
    deleted: (key, pod) => {
      this.pods.deleted(key, pod)
      this.#agents.delete(key, pod.node)
      this.#events.pod(pod, undefined)
    },
  }

  readonly nodeListener: Listener<NodeRecord> = {
    added: (name, node) => {
      this.nodes.added(name, node)
      this.#ownNode(node)
      this.#events.node(undefined, node)
    },
    updated: (name, node, before) => {
      this.nodes.updated(name, node, before)
      this.#ownNode(node)
      this.#events.node(before, node)
    },
    deleted: (name, node) => {
      this.nodes.deleted(name, node)
      this.#events.node(node, undefined)
    },
  }

  readonly namespaceListener: Listener<NamespaceRecord> = {
    added: (name, namespace) => this.#setNamespace(name, namespace),
    updated: (name, namespace, before) => {
      const same = namespace.labels === before.labels && namespace.observe === before.observe
      if (!same) this.#setNamespace(name, namespace)
    },
    deleted: (name) => void this.describer.namespaces.delete(name),
  }

  readonly serviceListener: Listener<ServiceRecord> = {
    added: (key, service) => this.#setService(key, service),
    updated: (key, service, before) => this.#setService(key, service, before),
    deleted: (key, service) => {
      const known = this.services.find(key)
      this.services.deleteService(key, service)
      if (known !== undefined) this.#events.serviceGone(known.number)
    },
  }

  readonly sliceListener: Listener<SliceRecord> = {
    added: (_, slice) => {
      this.services.addSlice(slice)
      this.#slicesChanged(slice)
    },
    updated: (_, slice, before) => {
      this.services.addSlice(slice)
      this.services.deleteSlice(before)
      this.#slicesChanged(slice)
    },
    deleted: (_, slice) => {
      this.services.deleteSlice(slice)
      this.#slicesChanged(slice)
    },
  }

  readonly ciliumEndpointListener: Listener<KnownEndpoint> = {
    added: (key, endpoint) => this.#setCiliumEndpoint(key, endpoint),
    updated: (key, endpoint, before) => this.#setCiliumEndpoint(key, endpoint, before),
    deleted: (key) => {
      this.identities.deleteEndpoint(key)
      this.pods.change(key)
    },
  }

  readonly ciliumIdentityListener: Listener<KnownIdentity> = {
    added: (_, identity) => this.#setIdentity(identity),
    updated: (_, identity, before) => {
      this.identities.deleteIdentity(before)
      this.#setIdentity(identity)
    },
    deleted: (_, identity) => {
      this.identities.deleteIdentity(identity)
      this.#identitiesChanged = true
    },
  }

  /** Brings descriptions up to date with what changed; to be called before a batch is named. */
  settle(): void {
    const [nodes, namespaces] = [this.#changedNodes, this.#changedNamespaces]
    if (nodes.size === 0 && namespaces.size === 0) return
    this.pods.changeWhere(({ node, namespace }) => nodes.has(node) || namespaces.has(namespace))
    nodes.clear()
    namespaces.clear()
  }

  /** Past owners of addresses and ports, and how owners were shown before, as far as they are remembered. */
  get history(): number {
    return this.owners.history + this.ownership.history + this.#servicePorts.history + this.#hostPorts.history
  }

  /** Those forgotten before their time. */
  get evicted(): number {
    return this.owners.evicted + this.ownership.evicted + this.#servicePorts.evicted + this.#hostPorts.evicted
  }

  /** To be called every few seconds: forgets what is long over and frees ids. */
  sweep(): void {
    for (const past of [this.#servicePorts, this.#hostPorts, this.ownership, this.owners]) past.sweep()
    if (this.#identitiesChanged) this.pods.renewAll()
    this.#identitiesChanged = false
    this.services.refresh()
    this.#table.reclaim()
  }

  /** Ends: nothing of the table is in use any more. */
  clear(): void {
    this.#endCensus()
    this.owners.clear()
    this.#table.cluster.nodeLabels = []
    this.#agents.clear()
  }

  #timedPorts(limits: OwnershipLimits, clock?: () => number): TimedPorts {
    const keep = (address: number, owner: number) => {
      if (address !== ANY_NODE) this.ownership.hold(address)
      if (owner !== CONTESTED) this.owners.use(owner)
    }
    const drop = (address: number, owner: number) => {
      if (address !== ANY_NODE) this.ownership.unclaim(address)
      if (owner !== CONTESTED) this.owners.release(owner)
    }
    return new TimedPorts({ limits, keep, drop, ...(clock && { clock }) })
  }

  #setNamespace(name: string, namespace: NamespaceRecord): void {
    this.describer.namespaces.set(name, namespace)
    this.#changedNamespaces.add(name)
  }

  #setService(key: string, service: ServiceRecord, before?: ServiceRecord): void {
    this.services.setService(key, service, before)
    this.#serviceChanged(key)
  }

  #serviceChanged(key: string): void {
    const known = this.services.find(key)
    if (known !== undefined) this.#events.service(known)
  }

  #setCiliumEndpoint(key: string, endpoint: KnownEndpoint, before?: KnownEndpoint): void {
    this.identities.setEndpoint(key, endpoint)
    if (before === undefined || !sameEndpoint(endpoint, before)) this.pods.change(key)
    this.#events.identity(this.pods.find(key), before, endpoint)
  }

  #slicedChanged(key: string, before: SlicedEndpoint | undefined, now: SlicedEndpoint | undefined): void {
    this.pods.change(key)
    if (now !== undefined) this.#events.identity(this.pods.find(key), before, now)
  }

  #setIdentity(identity: KnownIdentity): void {
    this.identities.setIdentity(identity)
    this.#identitiesChanged = true
  }

  #slicesChanged({ service }: SliceRecord): void {
    this.#serviceChanged(service)
    if (service === API_SERVICE) this.#apiServers.set(this.services.backends(API_SERVICE))
  }

  #ownNode({ name, labels, podCidrs, addresses }: NodeRecord): void {
    if (name !== this.#names.node) return
    this.#table.cluster.nodeLabels = labels
    const own = podCidrs.length > 0 ? podCidrs : addresses
    this.dualStack = new Set(own.map((text) => text.includes(':'))).size === 2
  }
}
