import { addressWords } from '../../src/flow/address-words.ts'
import { type Endpoint, EndpointTable } from '../../src/flow/endpoint.ts'
import { Protocol } from '../../src/flow/enums.ts'
import { LabelFilter } from '../../src/kubernetes/label-filter.ts'
import type { KubeObject } from '../../src/kubernetes/object.ts'
import { ObjectStore } from '../../src/kubernetes/object-store.ts'
import { namespaceLabels } from '../../src/kubernetes/security-labels.ts'
import { ClusterModel, type ModelSettings } from '../../src/processors/kubernetes/cluster-model.ts'
import { knownEndpoint, knownIdentity } from '../../src/processors/kubernetes/identities.ts'
import { Interner } from '../../src/processors/kubernetes/interner.ts'
import { nodeRecord } from '../../src/processors/kubernetes/node-record.ts'
import { choiceOf } from '../../src/processors/kubernetes/observe.ts'
import { podRecord, type RawPod } from '../../src/processors/kubernetes/pod-record.ts'
import { portKey } from '../../src/processors/kubernetes/ports.ts'
import { serviceRecord, sliceRecord } from '../../src/processors/kubernetes/service-record.ts'
import { knownSlice } from '../../src/processors/kubernetes/sliced-endpoints.ts'

/** Unix ms at which everything in these tests begins. */
export const START_MS = Date.parse('2026-01-01T00:00:00Z')

const START = '2026-01-01T00:00:00Z'

/** Anything as the API gives it; `metadata` is filled up. */
export interface Written {
  metadata: { name: string; namespace?: string; [key: string]: unknown }
  [key: string]: unknown
}

export type Kind =
  | 'pod'
  | 'node'
  | 'namespace'
  | 'service'
  | 'slice'
  | 'ciliumEndpoint'
  | 'ciliumEndpointSlice'
  | 'ciliumIdentity'

/** A model that is told objects as watches would tell them: through the same trimming and the same store. */
export class TestCluster {
  readonly table = new EndpointTable()
  readonly model: ClusterModel
  nowMs = START_MS
  readonly #stores: Readonly<Record<Kind, ObjectStore<never, unknown>>>
  #version = 0

  /** @param settings that differ: cluster `default`, node `node-1`, everything observed */
  constructor(settings: Partial<ModelSettings> = {}) {
    const filter = new LabelFilter()
    const model = new ClusterModel({
      table: this.table,
      names: { cluster: 'default', node: 'node-1' },
      limits: { historyMs: 300_000, maxHistory: 100_000 },
      filter,
      observeDefault: true,
      behind: (pod) => pod.workload,
      clock: () => this.nowMs,
      ...settings,
    })
    this.model = model
    const isAgent = ({ metadata }: RawPod) => metadata.labels?.app === 'fovea'
    const trim = { filter, interner: new Interner(), isAgent, isSelected: () => false }
    this.#stores = {
      pod: new ObjectStore((raw: RawPod) => podRecord(raw, trim), model.podListener),
      node: new ObjectStore((raw: KubeObject) => nodeRecord(raw, 'node-1'), model.nodeListener),
      namespace: new ObjectStore(
        ({ metadata }: KubeObject) => ({
          labels: namespaceLabels(metadata.labels ?? {}, filter),
          observe: choiceOf(metadata, false),
        }),
        model.namespaceListener,
      ),
      service: new ObjectStore(serviceRecord, model.serviceListener),
      slice: new ObjectStore(sliceRecord, model.sliceListener),
      ciliumEndpoint: new ObjectStore((raw) => knownEndpoint(raw as never), model.ciliumEndpointListener),
      ciliumEndpointSlice: new ObjectStore((raw) => knownSlice(raw as never), model.slicedEndpoints),
      ciliumIdentity: new ObjectStore((raw) => knownIdentity(raw as never), model.ciliumIdentityListener),
    } as unknown as Readonly<Record<Kind, ObjectStore<never, unknown>>>
  }

  put(kind: Kind, object: Written): void {
    this.#stores[kind].put(this.#filled(kind, object) as never)
  }

  remove(kind: Kind, object: Written): void {
    this.#stores[kind].remove(this.#filled(kind, object) as never)
  }

  /** The end at an address as flows show it; undefined when nobody has it. @param timeMs of the flow */
  end(address: string, port = 0, timeMs = this.nowMs, protocol: number = Protocol.TCP): Endpoint | undefined {
    this.model.settle()
    const id = this.id(addressWords(address)!, portKey(protocol, port), timeMs)
    return id === 0 ? undefined : this.table.get(id)
  }

  /** Endpoint id of the end at an address. @param words of the address */
  id(words: Uint32Array, key: number, timeMs: number): number {
    const { resolver, ownership } = this.model
    const seconds = Math.floor(timeMs / 1_000)
    return resolver.find(ownership.addresses.find(words, 0), key, seconds, (timeMs - 1_000 * seconds) * 1e6)
  }

  /** `namespace/pod`, or the first label, of the end at an address; `''` = nobody. */
  who(address: string, port = 0, timeMs = this.nowMs): string {
    const end = this.end(address, port, timeMs)
    if (end === undefined) return ''
    return end.podName === '' ? end.labels.join(' ') : `${end.namespace}/${end.podName}`
  }

  /** `namespace/name` of the service at an address and port; `''` = none. */
  service(address: string, port = 0, timeMs = this.nowMs): string {
    const service = this.end(address, port, timeMs)?.service
    return service === undefined ? '' : `${service.namespace}/${service.name}`
  }

  #filled(kind: Kind, { metadata, ...rest }: Written): object {
    const clusterWide = ['node', 'namespace', 'ciliumEndpointSlice', 'ciliumIdentity'].includes(kind)
    const namespace = clusterWide ? {} : { namespace: 'default' }
    const uid = `uid-${metadata.namespace ?? ''}-${metadata.name}`
    const own = { ...namespace, uid, creationTimestamp: START, resourceVersion: String(++this.#version) }
    return { metadata: { ...own, ...metadata }, ...rest }
  }
}

/** A running pod. */
export function runningPod(name: string, ips: readonly string[], more: Partial<PodText> = {}): Written {
  const { labels = {}, annotations = {}, owner, node = 'node-1', namespace = 'default', uid, startTime = START } = more
  const ownerReferences = owner === undefined ? [] : [{ ...owner, apiVersion: 'v1', uid: 'u', controller: true }]
  return {
    metadata: { name, namespace, labels, annotations, ownerReferences, ...(uid === undefined ? {} : { uid }) },
    spec: {
      nodeName: node,
      serviceAccountName: 'default',
      hostNetwork: more.hostNetwork,
      containers: [{ ports: more.ports }],
    },
    status: { phase: 'Running', startTime, podIP: ips[0], podIPs: ips.map((ip) => ({ ip })) },
  }
}

interface PodText {
  namespace: string
  uid: string
  labels: Record<string, string>
  annotations: Record<string, string>
  owner: { kind: string; name: string }
  node: string
  startTime: string
  hostNetwork: boolean
  ports: { containerPort: number; protocol?: string }[]
}

export function node(name: string, ips: readonly string[], more: object = {}): Written {
  const addresses = ips.map((address) => ({ type: 'InternalIP', address }))
  return { metadata: { name, ...more }, spec: {}, status: { addresses } }
}

export function slice(name: string, service: string, ips: readonly string[], ports: readonly number[]): Written {
  return {
    metadata: { name, labels: { 'kubernetes.io/service-name': service } },
    endpoints: ips.map((ip) => ({ addresses: [ip] })),
    ports: ports.map((port) => ({ port, protocol: 'TCP' })),
  }
}
