import type { Census } from '../../flow/cluster-view.ts'
import type { Endpoint } from '../../flow/endpoint.ts'
import type { NodeOwners } from './node-owners.ts'
import type { Owners } from './owners.ts'
import type { PodOwners } from './pod-owners.ts'
import type { ServiceOwners } from './service-owners.ts'

export interface CensusSettings {
  owners: Owners
  pods: PodOwners
  nodes: NodeOwners
  services: ServiceOwners
}

/** Who is in the cluster now, as flows would show them. */
export class ClusterCensus implements Census {
  readonly #settings: CensusSettings

  constructor(settings: CensusSettings) {
    this.#settings = settings
  }

  now(end: Endpoint): Endpoint | undefined {
    const owner = this.#owner(end)
    const now = owner === 0 ? undefined : this.#settings.owners.record(owner)?.describe()
    // That it was asked for as a service is the flow's, not the pod's.
    return now === undefined || end.service === undefined ? now : { ...now, service: end.service }
  }

  *members(namespaces: ReadonlySet<string>): Iterable<Endpoint> {
    const { owners, pods, nodes } = this.#settings
    for (const owner of pods.runningIn(namespaces)) yield owners.record(owner)!.describe()
    if (!namespaces.has('')) return
    for (const owner of nodes.numbers()) yield owners.record(owner)!.describe()
  }

  /** 0 = there is none. */
  #owner({ podName, namespace, nodeName, service }: Endpoint): number {
    const { pods, nodes, services } = this.#settings
    if (podName !== '') return pods.running(`${namespace}/${podName}`)
    if (nodeName) return nodes.number(nodeName)
    return service === undefined ? 0 : (services.find(`${service.namespace}/${service.name}`)?.number ?? 0)
  }
}
