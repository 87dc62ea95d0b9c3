import { createHash } from 'node:crypto'
import { hasStatus } from '../kubernetes/api-error.ts'
import { type CiliumEndpoint, ENDPOINTS } from '../kubernetes/cilium.ts'
import type { ApiClient } from '../kubernetes/client.ts'
import { Informer } from '../kubernetes/informer.ts'
import type { ObjectMeta } from '../kubernetes/object.ts'
import { labelList } from '../kubernetes/security-labels.ts'
import type { Counter } from '../pipeline/telemetry.ts'
import { EndpointNumbers } from './endpoint-numbers.ts'
import type { EndpointChange, EndpointSink, SinkOptions } from './endpoint-sink.ts'
import { isOurs, marks } from './managed.ts'
import { endpointFields } from './pod.ts'

type Stored = CiliumEndpoint & { metadata: ObjectMeta }

/** What is kept of a CiliumEndpoint. */
interface Observed {
  uid: string
  version: string
  ours: boolean
  identity: number
  node: string
  number: number
  /** Hash of all that decides whether it must be written again. */
  fingerprint: string
}

/** One CiliumEndpoint for each pod, under the pod's name and owned by it: it goes with the pod. */
export class EndpointObjects implements EndpointSink {
  readonly informer: Informer<Stored, Observed>
  readonly #client: ApiClient
  readonly #numbers = new EndpointNumbers()
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
    const found = (key: string, observed: Observed) => {
      const loser = this.#numbers.adopt(key, observed, !observed.ours)
      if (loser !== undefined) changed(loser)
      changed(key)
    }
    this.informer = new Informer({
      client,
      telemetry,
      log,
      resource: ENDPOINTS,
      trim: observe,
      listener: {
        added: (key, observed) => found(key, observed),
        updated: (key, observed) => found(key, observed),
        deleted: (key) => {
          this.#numbers.release(key)
          changed(key)
        },
      },
      ...(options.timing && { timing: options.timing }),
    })
  }

  /** Nothing is put off: `put` resolves when it is written. */
  get written(): boolean {
    return true
  }

  async put(key: string, change: EndpointChange, signal: AbortSignal): Promise<void> {
    const observed = this.informer.get(key)
    if (observed?.ours === false) {
      this.#foreign.add(1)
      return
    }
    const { pod } = change
    const object = endpointObject(change, this.#numbers.take(key, pod.hostIp, pod.uid))
    if (observed?.fingerprint === fingerprint(object)) return
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
    if (observed === undefined) this.#numbers.release(key)
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
  return {
    uid: metadata.uid,
    version: metadata.resourceVersion,
    ours: isOurs(metadata),
    identity: status?.identity?.id ?? 0,
    node: status?.networking?.node ?? '',
    number: status?.id ?? 0,
    fingerprint: fingerprint(object),
  }
}

/** A hash of what an endpoint says, whatever the order of its fields. */
function fingerprint({ metadata, status = {} }: CiliumEndpoint): string {
  const { id, state, identity, networking, 'named-ports': ports = [], 'service-account': account } = status
  const said = [
    metadata.ownerReferences?.map(({ uid }) => uid),
    [id, state, identity?.id, identity?.labels, account],
    networking?.node,
    networking?.addressing.map(({ ipv4, ipv6 }) => [ipv4, ipv6]),
    ports.map(({ name, port, protocol }) => [name, port, protocol]),
  ]
  return createHash('sha1').update(JSON.stringify(said)).digest('base64')
}

/** The owner is named as by Cilium, without blockOwnerDeletion: that needs rights over pods, and endpoints hold nothing up. */
function endpointObject({ pod, identity, labels }: EndpointChange, number: number): CiliumEndpoint {
  const { name, namespace, uid } = pod
  return {
    apiVersion: 'cilium.io/v2',
    kind: 'CiliumEndpoint',
    metadata: { name, namespace, ...marks(), ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name, uid }] },
    status: {
      id: number,
      state: 'ready',
      identity: { id: identity, labels: labelList(labels) },
      ...endpointFields(pod),
    },
  }
}
