import type { Logger } from 'pino'
import { parseSelector } from '../../hubble/filters/label-selector.ts'
import {
  type CiliumEndpoint,
  type CiliumEndpointSlice,
  type CiliumIdentity,
  ENDPOINT_SLICES,
  ENDPOINTS,
  IDENTITIES,
} from '../../kubernetes/cilium.ts'
import type { ApiClient } from '../../kubernetes/client.ts'
import { Informer, type InformerOptions } from '../../kubernetes/informer.ts'
import type { LabelFilter } from '../../kubernetes/label-filter.ts'
import type { KubeObject } from '../../kubernetes/object.ts'
import type { Resource } from '../../kubernetes/resource.ts'
import { type Labels, namespaceLabels } from '../../kubernetes/security-labels.ts'
import type { Telemetry } from '../../pipeline/telemetry.ts'
import type { ClusterModel } from './cluster-model.ts'
import type { KubernetesConfig } from './config.ts'
import type { NamespaceRecord } from './describer.ts'
import { type KnownEndpoint, type KnownIdentity, knownEndpoint, knownIdentity } from './identities.ts'
import { Interner } from './interner.ts'
import { type NodeRecord, nodeRecord, type RawNode } from './node-record.ts'
import { choiceOf } from './observe.ts'
import { type PodRecord, podRecord, type RawPod } from './pod-record.ts'
import {
  type RawService,
  type RawSlice,
  type ServiceRecord,
  type SliceRecord,
  serviceRecord,
  sliceRecord,
} from './service-record.ts'
import { type KnownSlice, knownSlice } from './sliced-endpoints.ts'

const PODS = core('pods')
const NODES = core('nodes')
const NAMESPACES = core('namespaces')
const SERVICES = core('services')
const SLICES: Resource = { group: 'discovery.k8s.io', version: 'v1', plural: 'endpointslices' }

function core(plural: string): Resource {
  return { group: '', version: 'v1', plural }
}

/** The part of an informer that its owner needs. */
export type Watch = Pick<Informer<KubeObject, unknown>, 'name' | 'state' | 'synced' | 'start' | 'stop'>

export interface WatchesSettings {
  config: KubernetesConfig
  client: ApiClient
  telemetry: Telemetry
  log: Logger
  model: ClusterModel
  filter: LabelFilter
  /** Name of this agent's node. */
  node: string
  /** Called each time one of them has its first list. */
  synced(): void
}

/** Watches everything that names come from. What must be known first comes first. */
export function clusterWatches(settings: WatchesSettings): Watch[] {
  const { config, client, telemetry, log, model, filter, node, synced } = settings
  const shared = { client, telemetry, log, synced }
  const watch = <Raw extends KubeObject, T>(
    options: Omit<InformerOptions<Raw, T>, keyof typeof shared>,
  ): Informer<Raw, T> => new Informer<Raw, T>({ ...shared, ...options })
  const watches: Watch[] = [
    watch<KubeObject, NamespaceRecord>({
      resource: NAMESPACES,
      trim: ({ metadata }) => ({
        labels: namespaceLabels(metadata.labels ?? {}, filter),
        observe: choiceOf(metadata, false),
      }),
      listener: model.namespaceListener,
    }),
    watch<RawNode, NodeRecord>({
      resource: NODES,
      trim: (raw) => nodeRecord(raw, node),
      listener: model.nodeListener,
    }),
    watch<RawPod, PodRecord>({ resource: PODS, trim: podTrim(config, filter), listener: model.podListener }),
    watch<RawService, ServiceRecord>({ resource: SERVICES, trim: serviceRecord, listener: model.serviceListener }),
    watch<RawSlice, SliceRecord>({ resource: SLICES, trim: sliceRecord, listener: model.sliceListener }),
  ]
  return [...watches, ...ciliumWatches(settings)]
}

/** Objects with identities, where their CRDs exist. */
function ciliumWatches({ config, client, telemetry, log, model, synced }: WatchesSettings): Watch[] {
  const shared = { client, telemetry, log, synced, optional: true }
  const watches: Watch[] = []
  if (config.cilium.identities) {
    const trim = (raw: KubeObject) => knownIdentity(raw as unknown as CiliumIdentity)
    const listener = model.ciliumIdentityListener
    watches.push(new Informer<KubeObject, KnownIdentity>({ ...shared, resource: IDENTITIES, trim, listener }))
  }
  if (config.cilium.endpoints) {
    const trim = (raw: KubeObject) => knownEndpoint(raw as unknown as CiliumEndpoint)
    const listener = model.ciliumEndpointListener
    watches.push(new Informer<KubeObject, KnownEndpoint>({ ...shared, resource: ENDPOINTS, trim, listener }))
  }
  if (config.cilium.endpoint_slices) {
    const trim = (raw: KubeObject) => knownSlice(raw as unknown as CiliumEndpointSlice)
    const listener = model.slicedEndpoints
    watches.push(new Informer<KubeObject, KnownSlice>({ ...shared, resource: ENDPOINT_SLICES, trim, listener }))
  }
  return watches
}

function podTrim({ agents, observe }: KubernetesConfig, filter: LabelFilter): (raw: RawPod) => PodRecord | undefined {
  const isAgentLabelled = selector(agents.label_selector)
  const isSelected = observe.label_selector === '' ? () => false : selector(observe.label_selector)
  const isAgent = ({ metadata }: RawPod) =>
    (agents.namespace === '' || agents.namespace === metadata.namespace) && isAgentLabelled(metadata.labels ?? {})
  const trim = { filter, interner: new Interner(), isAgent, isSelected }
  return (raw) => podRecord(raw, trim)
}

/** A label selector over labels as objects have them. */
function selector(text: string): (labels: Labels) => boolean {
  const selects = parseSelector(text)
  return (labels) => selects(Object.entries(labels).map(([key, value]) => `${key}=${value}`))
}
