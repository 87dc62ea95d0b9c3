import { hasStatus } from '../kubernetes/api-error.ts'
import type { ApiClient } from '../kubernetes/client.ts'
import { Informer } from '../kubernetes/informer.ts'
import type { ObjectMeta } from '../kubernetes/object.ts'
import { type Labels, labelList } from '../kubernetes/security-labels.ts'
import type { Counter } from '../pipeline/telemetry.ts'
import { addressPairs, type CiliumEndpoint, ENDPOINTS, isOurs, MANAGED_BY_LABEL, MANAGER } from './cilium.ts'
import type { EndpointChange, EndpointSink, SinkOptions } from './endpoint-sink.ts'
import { endpointId, type Pod } from './pod.ts'

type Stored = CiliumEndpoint & { metadata: ObjectMeta }

/** What is kept of a CiliumEndpoint. */
interface Observed {
  uid: string
  version: string
  ours: boolean
  identity: number
  /** All that decides whether it must be written again. */
  fingerprint: string
}

/** One CiliumEndpoint for each pod, under the pod's name and owned by it: it goes with the pod. */
export class EndpointObjects implements EndpointSink {
  readonly informer: Informer<Stored, Observed>
  readonly #client: ApiClient
  readonly #created: Counter
  readonly #updated: Counter
  readonly #deleted: Counter
  readonly #foreign: Counter

  constructor(options: SinkOptions) {
    const { client, telemetry, log, changed } = options
    this.#client = client
    const counter = (name: string, help: string) => telemetry.counter(`fovea_operator_endpoints_${name}`, help)
    this.#created = counter('created', 'CiliumEndpoints made.')
    this.#updated = counter('updated', 'CiliumEndpoints written again.')
    this.#deleted = counter('deleted', 'CiliumEndpoints deleted.')
    this.#foreign = counter('foreign', 'Writes left out because the CiliumEndpoint is not of this operator.')
    this.informer = new Informer({
      client,
      telemetry,
      log,
      resource: ENDPOINTS,
      trim: observe,
      listener: { added: changed, updated: changed, deleted: changed },
      ...(options.timing && { timing: options.timing }),
    })
  }

  async put(key: string, { pod, identity, labels }: EndpointChange, signal: AbortSignal): Promise<void> {
    const observed = this.informer.get(key)
    if (observed?.ours === false) {
      this.#foreign.add(1)
      return
    }
    if (observed?.fingerprint === fingerprint(pod, identity)) return
    const object = endpointObject(pod, identity, labels)
    const place = { namespace: pod.namespace }
    if (observed === undefined) {
      await this.#client.create(ENDPOINTS, place, object, signal)
      this.#created.add(1)
      return
    }
    object.metadata.resourceVersion = observed.version
    await this.#client.replace(ENDPOINTS, { ...place, name: pod.name }, object, signal)
    this.#updated.add(1)
  }

  async remove(key: string, signal: AbortSignal): Promise<void> {
    const observed = this.informer.get(key)
    if (observed === undefined || !observed.ours) return
    const [namespace = '', name = ''] = key.split('/')
    try {
      await this.#client.delete(ENDPOINTS, { namespace, name }, { preconditions: { uid: observed.uid } }, signal)
      this.#deleted.add(1)
    } catch (error) {
      // It went with its pod, or another has taken its name.
      if (!hasStatus(error, 404, 409)) throw error
    }
  }

  *keys(): Generator<string> {
    for (const [key] of this.informer.entries()) yield key
  }

  *keysOf(identity: number): Generator<string> {
    for (const [key, observed] of this.informer.entries()) if (observed.identity === identity) yield key
  }

  *identities(): Generator<number> {
    for (const { identity } of this.informer.values()) yield identity
  }

  async stop(): Promise<void> {
    await this.informer.stop()
  }
}

function observe(object: Stored): Observed {
  const { metadata, status } = object
  const identity = status?.identity?.id ?? 0
  const addressing = status?.networking?.addressing ?? []
  const addresses = addressing.flatMap(({ ipv4 = '', ipv6 = '' }) => [ipv4, ipv6])
  const owner = metadata.ownerReferences?.[0]?.uid ?? ''
  return {
    uid: metadata.uid,
    version: metadata.resourceVersion,
    ours: isOurs(metadata),
    identity,
    fingerprint: text(owner, identity, status?.networking?.node ?? '', addresses),
  }
}

function fingerprint({ uid, hostIp, addresses }: Pod, identity: number): string {
  return text(
    uid,
    identity,
    hostIp,
    addressPairs(addresses).flatMap(({ ipv4 = '', ipv6 = '' }) => [ipv4, ipv6]),
  )
}

function text(owner: string, identity: number, node: string, addresses: readonly string[]): string {
  return [owner, identity, node, ...addresses].join(' ')
}

function endpointObject(pod: Pod, identity: number, labels: Labels): CiliumEndpoint {
  return {
    apiVersion: 'cilium.io/v2',
    kind: 'CiliumEndpoint',
    metadata: {
      name: pod.name,
      namespace: pod.namespace,
      labels: { [MANAGED_BY_LABEL]: MANAGER },
      ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: pod.name, uid: pod.uid }],
    },
    status: {
      id: endpointId(pod),
      state: 'ready',
      identity: { id: identity, labels: labelList(labels) },
      networking: { addressing: addressPairs(pod.addresses), ...(pod.hostIp === '' ? {} : { node: pod.hostIp }) },
      ...(pod.serviceAccount === '' ? {} : { 'service-account': pod.serviceAccount }),
    },
  }
}
