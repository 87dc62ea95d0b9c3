import type { AddressChange, AgentEvent, EventEnd, ServiceAddress } from '../../flow/agent-event.ts'
import type { EventLog } from '../../flow/event-log.ts'
import type { Describer } from './describer.ts'
import type { NodeRecord } from './node-record.ts'
import type { PodRecord } from './pod-record.ts'
import type { DeclaredService } from './service-owners.ts'

/** Backends named in one event: with more, those of the first slices. */
const BACKENDS_NAMED = 100

interface Identified {
  readonly identity: number
}

/** Something with addresses, as events name it. */
interface Addressed {
  readonly addresses: readonly string[]
  readonly namespace: string
  readonly podName: string
  readonly hostAddress: string
  readonly identity: () => number
}

/**
 * Writes what comes and goes in the cluster to the log that the Hubble API serves as agent events: pods of this node as
 * endpoints, addresses of pods and nodes as entries of the ipcache, services.
 */
export class ClusterEvents {
  readonly #log: EventLog<AgentEvent>
  readonly #describer: Describer
  readonly #node: string

  /** @param node name of this agent's node */
  constructor(log: EventLog<AgentEvent>, describer: Describer, node: string) {
    this.#log = log
    this.#describer = describer
    this.#node = node
  }

  /** A pod came (`before` undefined), changed, or went (`now` undefined). */
  pod(before: PodRecord | undefined, now: PodRecord | undefined): void {
    const [was, is] = [running(before), running(now)]
    if (was === undefined && is !== undefined) this.#endpoint('endpoint_created', is)
    this.#addresses(was && this.#ofPod(was), is && this.#ofPod(is))
    if (was !== undefined && is === undefined) this.#endpoint('endpoint_deleted', was)
  }

  /** A node came, changed or went. */
  node(before: NodeRecord | undefined, now: NodeRecord | undefined): void {
    this.#addresses(before && this.#ofNode(before), now && this.#ofNode(now))
  }

  /** A CiliumEndpoint or CiliumEndpointSlice says, or says anew, which identity a pod has. */
  identity(pod: PodRecord | undefined, before: Identified | undefined, now: Identified): void {
    const found = running(pod)
    if (found === undefined || before?.identity === now.identity) return
    const told = { ...this.#ofPod(found), identity: () => now.identity }
    const old = before === undefined ? undefined : () => before.identity
    for (const address of told.addresses) this.#upsert(told, address, old)
  }

  /** A service or its backends came or changed. */
  service({ number, declared, slices }: DeclaredService): void {
    if (declared === undefined) return
    const [address] = [...declared.clusterIps, ...declared.externalIps]
    const [port] = declared.ports
    const known = [...slices]
    this.#log.append({
      at: 'service_upserted',
      id: number,
      service: { name: declared.name, namespace: declared.namespace },
      type: declared.clusterIps.length > 0 ? 'ClusterIP' : 'None',
      frontend: address === undefined || port === undefined ? undefined : { address, port: port & 0xffff },
      backends: () => known.flatMap(backendsOf).slice(0, BACKENDS_NAMED),
    })
  }

  /** A service went. @param number as before */
  serviceGone(number: number): void {
    this.#log.append({ at: 'service_deleted', id: number })
  }

  #endpoint(at: 'endpoint_created' | 'endpoint_deleted', pod: PodRecord): void {
    if (pod.node !== this.#node) return
    const { namespace, name: podName } = pod
    const describe = (): EventEnd => this.#describer.identity(pod)
    this.#log.append({ at, namespace, podName, end: at === 'endpoint_created' ? once(describe) : known(describe()) })
  }

  #addresses(was: Addressed | undefined, is: Addressed | undefined): void {
    for (const address of was?.addresses ?? []) {
      if (was === undefined || is?.addresses.includes(address)) continue
      this.#log.append({ at: 'ipcache_deleted', ...place(was, address), identity: known(was.identity()) })
    }
    for (const address of is?.addresses ?? [])
      if (is !== undefined && !was?.addresses.includes(address)) this.#upsert(is, address)
  }

  #upsert(told: Addressed, address: string, oldIdentity?: () => number): void {
    const event: AddressChange = { at: 'ipcache_upserted', ...place(told, address), identity: once(told.identity) }
    this.#log.append(oldIdentity === undefined ? event : { ...event, oldIdentity })
  }

  #ofPod(pod: PodRecord): Addressed {
    return {
      addresses: pod.addresses,
      namespace: pod.namespace,
      podName: pod.name,
      hostAddress: this.#describer.nodes.get(pod.node)?.addresses[0] ?? '',
      identity: () => this.#describer.identity(pod).identity,
    }
  }

  #ofNode(node: NodeRecord): Addressed {
    const identity = () => this.#describer.node(node).identity
    return { addresses: node.addresses, namespace: '', podName: '', hostAddress: '', identity }
  }
}

/** A pod with addresses of its own, until its last container ends. */
function running(pod: PodRecord | undefined): PodRecord | undefined {
  return pod === undefined || pod.hostNetwork || pod.endMs !== undefined ? undefined : pod
}

function place({ namespace, podName, hostAddress }: Addressed, address: string) {
  return { address, namespace, podName, hostAddress }
}

function backendsOf({ addresses, ports }: { addresses: readonly string[]; ports: readonly number[] }) {
  return addresses.flatMap((address) => ports.map((port): ServiceAddress => ({ address, port: port & 0xffff })))
}

/** Asks when the answer is first needed, and never again. */
function once<T>(ask: () => T): () => T {
  let answer: { value: T } | undefined
  return () => {
    answer ??= { value: ask() }
    return answer.value
  }
}

function known<T>(value: T): () => T {
  return () => value
}
