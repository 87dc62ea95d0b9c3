import { hasStatus } from '../kubernetes/api-error.ts'
import { type CiliumEndpointSlice, type CoreEndpoint, ENDPOINT_SLICES } from '../kubernetes/cilium.ts'
import type { ApiClient } from '../kubernetes/client.ts'
import { Informer } from '../kubernetes/informer.ts'
import type { ObjectMeta } from '../kubernetes/object.ts'
import type { EndpointChange, EndpointSink, SinkOptions } from './endpoint-sink.ts'
import { isOurs, marks } from './managed.ts'
import { endpointFields } from './pod.ts'
import { SlicePlan } from './slice-plan.ts'
import { WorkQueue } from './work-queue.ts'

type Stored = CiliumEndpointSlice & { metadata: ObjectMeta }

interface Observed {
  name: string
  namespace: string
  uid: string
  version: string
  ours: boolean
  endpoints: readonly CoreEndpoint[]
}

/** Changes of a slice are gathered for so long: a rollout then writes each slice a few times, not once for each pod. */
const GATHER_MS = 500

/** Slices written at a time. */
const CONCURRENCY = 4

/** Endpoints in slices of up to 100, for clusters where every node watching every endpoint object is too much. */
export class EndpointSlices implements EndpointSink {
  readonly informer: Informer<Stored, Observed>
  readonly #client: ApiClient
  readonly #plan = new SlicePlan()
  readonly #queue: WorkQueue
  /** Namespace of each slice that may have to be written. */
  readonly #namespaces = new Map<string, string>()
  readonly #dirty = new Set<string>()
  #timer: NodeJS.Timeout | undefined

  constructor({ client, telemetry, log, timing }: SinkOptions) {
    this.#client = client
    this.#queue = new WorkQueue({
      name: 'slices',
      concurrency: CONCURRENCY,
      work: (slice, signal) => this.#write(slice, signal),
      failed: (slice, error, failures) => {
        if (failures === 1) log.warn(`endpoint slice ${slice}: ${error.message}; trying again`)
      },
      log,
      telemetry,
    })
    this.informer = new Informer({
      client,
      telemetry,
      log,
      resource: ENDPOINT_SLICES,
      trim: observe,
      listener: {
        added: (_, slice) => this.#found(slice),
        updated: (_, slice) => this.#found(slice),
        deleted: (_, slice) => this.#touch(slice.name, slice.namespace),
      },
      ...(timing && { timing }),
    })
  }

  get written(): boolean {
    return this.#dirty.size === 0 && this.#queue.depth === 0
  }

  /** Resolves before the slice is written: many changes make one write, which is repeated until it succeeds. */
  put(key: string, { pod, identity }: EndpointChange): Promise<void> {
    const endpoint: CoreEndpoint = { name: pod.name, id: identity, ...endpointFields(pod) }
    const known = this.#plan.get(key)
    if (known !== undefined && text([known]) === text([endpoint])) return Promise.resolve()
    this.#touch(this.#plan.put(key, pod.namespace, endpoint), pod.namespace)
    return Promise.resolve()
  }

  remove(key: string): Promise<void> {
    const slice = this.#plan.remove(key)
    if (slice !== undefined) this.#touch(slice, key.split('/')[0] ?? '')
    return Promise.resolve()
  }

  keys(): Iterable<string> {
    return [...this.#plan.keys()]
  }

  *keysOf(identity: number): Generator<string> {
    for (const [key, { id }] of this.#plan.endpoints()) if (id === identity) yield key
  }

  *identities(): Generator<number> {
    for (const [, { id }] of this.#plan.endpoints()) yield id
    for (const { endpoints } of this.informer.values()) for (const { id } of endpoints) yield id
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer)
    await this.#queue.stop()
    await this.informer.stop()
  }

  /** A slice unknown so far is one of the last term, or of another operator: what it has is taken over. */
  #found({ name, namespace, ours, endpoints }: Observed): void {
    if (!ours) return
    const known = this.#plan.has(name)
    if (!known && !this.#plan.adopt(name, namespace, endpoints)) return
    this.#touch(name, namespace)
  }

  #touch(slice: string, namespace: string): void {
    this.#namespaces.set(slice, namespace)
    this.#dirty.add(slice)
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      for (const dirty of this.#dirty) this.#queue.add(dirty)
      this.#dirty.clear()
    }, GATHER_MS)
  }

  async #write(slice: string, signal: AbortSignal): Promise<void> {
    const namespace = this.#namespaces.get(slice) ?? ''
    const endpoints = this.#plan.members(slice)
    const observed = this.informer.get(slice)
    if (endpoints.length === 0) return this.#delete(slice, namespace, observed, signal)
    if (observed !== undefined && text(observed.endpoints) === text(endpoints)) return
    const object = sliceObject(slice, namespace, endpoints)
    if (observed === undefined) {
      await this.#client.create(ENDPOINT_SLICES, {}, object, signal)
      return
    }
    object.metadata.resourceVersion = observed.version
    await this.#client.replace(ENDPOINT_SLICES, { name: slice }, object, signal)
  }

  async #delete(slice: string, namespace: string, observed: Observed | undefined, signal: AbortSignal): Promise<void> {
    if (observed?.ours === true)
      await this.#client
        .delete(ENDPOINT_SLICES, { name: slice }, { preconditions: { uid: observed.uid } }, signal)
        .catch((error) => {
          if (!hasStatus(error, 404, 409)) throw error
        })
    // Something may have come in while it was being deleted: then its deletion event has it made again.
    if (this.#plan.members(slice).length > 0) return
    this.#plan.forget(slice, namespace)
    this.#namespaces.delete(slice)
  }
}

function observe({ metadata, namespace, endpoints }: Stored): Observed {
  const { name, uid, resourceVersion } = metadata
  return { name, namespace, uid, version: resourceVersion, ours: isOurs(metadata), endpoints: endpoints ?? [] }
}

function sliceObject(name: string, namespace: string, endpoints: CoreEndpoint[]): CiliumEndpointSlice {
  const metadata = { name, ...marks() }
  return { apiVersion: 'cilium.io/v2alpha1', kind: 'CiliumEndpointSlice', metadata, namespace, endpoints }
}

/** One text for what endpoints say, whatever the order of their fields. */
function text(endpoints: readonly CoreEndpoint[]): string {
  const said = endpoints.map((endpoint) => {
    const { name, id, networking, 'named-ports': ports = [], 'service-account': account } = endpoint
    const addresses = networking.addressing.map(({ ipv4, ipv6 }) => [ipv4, ipv6])
    return [name, id, account, networking.node, addresses, ports.map((one) => [one.name, one.port, one.protocol])]
  })
  return JSON.stringify(said)
}
