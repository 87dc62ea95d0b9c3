import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { hasStatus } from '../kubernetes/api-error.ts'
import { type CiliumIdentity, ENDPOINT_SLICES, ENDPOINTS, IDENTITIES } from '../kubernetes/cilium.ts'
import type { ApiClient } from '../kubernetes/client.ts'
import type { EventRecorder } from '../kubernetes/event-recorder.ts'
import { Informer, type InformerTiming } from '../kubernetes/informer.ts'
import { LabelFilter } from '../kubernetes/label-filter.ts'
import type { KubeObject, ObjectMeta } from '../kubernetes/object.ts'
import type { Resource } from '../kubernetes/resource.ts'
import { type Labels, namespaceLabels, securityLabels } from '../kubernetes/security-labels.ts'
import type { Telemetry } from '../pipeline/telemetry.ts'
import { EndpointObjects } from './endpoint-objects.ts'
import type { EndpointSink } from './endpoint-sink.ts'
import { EndpointSlices } from './endpoint-slices.ts'
import { IdentityAllocator } from './identity-allocator.ts'
import { IdentityCollector } from './identity-collector.ts'
import { type Identity, IdentityIndex, identityOf } from './identity-index.ts'
import { LeftoverEndpoints } from './leftover-endpoints.ts'
import { type Pod, podOf, type RawPod } from './pod.ts'
import { RepeatedFault } from './repeated-fault.ts'
import type { OperatorSettings } from './settings.ts'
import { WorkQueue } from './work-queue.ts'

const PODS: Resource = { group: '', version: 'v1', plural: 'pods' }
const NAMESPACES: Resource = { group: '', version: 'v1', plural: 'namespaces' }

/** After so many failures in a row the pod gets a Kubernetes Event: conflicts are over by then. */
const EVENT_AFTER = 3

export interface ControllerOptions {
  client: ApiClient
  settings: OperatorSettings
  telemetry: Telemetry
  log: Logger
  events: EventRecorder
  timing?: Partial<InformerTiming>
}

/** The work of the leader: keeps identities and endpoints as pods and namespaces say. Made anew for each term. */
export class Controller {
  readonly #options: ControllerOptions
  readonly #filter: LabelFilter
  readonly #index = new IdentityIndex()
  readonly #allocator: IdentityAllocator
  readonly #collector: IdentityCollector
  readonly #queue: WorkQueue
  readonly #pods: Informer<RawPod, Pod>
  readonly #namespaces: Informer<KubeObject, Labels>
  readonly #identities: Informer<CiliumIdentity & { metadata: ObjectMeta }, Identity>
  readonly #endpoints: EndpointSink
  readonly #leftovers: LeftoverEndpoints
  readonly #faults = new RepeatedFault()
  /** Nothing is written before everything was read. */
  #ready = false

  constructor(options: ControllerOptions) {
    const { client, settings, telemetry, log, timing } = options
    this.#options = options
    this.#filter = new LabelFilter(settings.labels)
    this.#allocator = new IdentityAllocator(client, this.#index, telemetry)
    this.#queue = new WorkQueue({
      name: 'pods',
      concurrency: settings.workers,
      work: (key, signal) => this.#reconcile(key, signal),
      failed: (key, error, failures) => this.#failed(key, error, failures),
      log,
      telemetry,
    })
    const shared = { client, telemetry, log, ...(timing && { timing }) }
    const changed = (key: string) => this.#changed(key)
    this.#endpoints = new (settings.endpointSlices ? EndpointSlices : EndpointObjects)({ ...shared, changed })
    this.#leftovers = new LeftoverEndpoints({
      ...shared,
      resource: settings.endpointSlices ? ENDPOINTS : ENDPOINT_SLICES,
    })
    this.#pods = new Informer<RawPod, Pod>({
      ...shared,
      resource: PODS,
      trim: (pod) => podOf(pod, this.#filter),
      listener: { added: changed, updated: changed, deleted: changed },
    })
    const renamed = (namespace: string) => this.#namespaceChanged(namespace)
    this.#namespaces = new Informer<KubeObject, Labels>({
      ...shared,
      resource: NAMESPACES,
      trim: ({ metadata }) => namespaceLabels(metadata.labels ?? {}, this.#filter),
      listener: { added: renamed, updated: renamed, deleted: () => {} },
    })
    this.#identities = new Informer({
      ...shared,
      resource: IDENTITIES,
      trim: identityOf,
      listener: {
        added: (_, identity) => this.#identityFound(identity),
        updated: (_, identity, before) => {
          this.#identityFound(identity)
          if (before.key !== identity.key) this.#usersChanged(identity.number)
        },
        deleted: (_, identity) => this.#identityGone(identity),
      },
    })
    this.#collector = new IdentityCollector({
      client,
      index: this.#index,
      used: () => new Set(this.#endpoints.identities()),
      graceMs: settings.gcGraceMs,
      log,
      telemetry,
    })
  }

  /** Whether everything was read and the work has begun. */
  get ready(): boolean {
    return this.#ready
  }

  /** Works until the signal. @throws Error of what cannot go on */
  async run(signal: AbortSignal): Promise<void> {
    const endGauges = this.#gauges()
    const informers = [this.#pods, this.#namespaces, this.#identities, this.#endpoints.informer]
    try {
      for (const informer of informers) informer.start()
      while (!informers.every(({ synced }) => synced)) await sleep(20, undefined, { signal })
      this.#begin()
      for (;;) {
        await sleep(this.#options.settings.gcIntervalMs, undefined, { signal })
        await this.#collector.pass(signal)
        // An endpoint goes only after there is another.
        if (this.#queue.depth === 0 && this.#endpoints.written) await this.#leftovers.clear(signal)
      }
    } catch (error) {
      if (!signal.aborted) throw error
    } finally {
      this.#ready = false
      await this.#queue.stop()
      await Promise.all([this.#pods.stop(), this.#namespaces.stop(), this.#identities.stop(), this.#endpoints.stop()])
      for (const end of endGauges) end()
    }
  }

  #begin(): void {
    this.#ready = true
    for (const [key] of this.#pods.entries()) this.#queue.add(key)
    // Endpoints of pods that went while nobody looked.
    for (const key of this.#endpoints.keys()) this.#queue.add(key)
    const { log } = this.#options
    log.info(
      `${this.#pods.size} pods, ${this.#identities.size} identities, ${this.#endpoints.informer.size} endpoint objects`,
    )
  }

  #changed(key: string): void {
    if (this.#ready) this.#queue.add(key)
  }

  #namespaceChanged(namespace: string): void {
    if (!this.#ready) return
    for (const [key, pod] of this.#pods.entries()) if (pod.namespace === namespace) this.#queue.add(key)
  }

  /** Where there are two numbers for one label set, all pods move to the lower one and the other falls out of use. */
  #identityFound(identity: Identity): void {
    this.#index.put(identity)
    for (const number of this.#index.superfluous(identity.key)) this.#usersChanged(number)
  }

  #identityGone(identity: Identity): void {
    this.#index.remove(identity)
    this.#usersChanged(identity.number)
  }

  #usersChanged(number: number): void {
    if (!this.#ready) return
    for (const key of this.#endpoints.keysOf(number)) this.#queue.add(key)
  }

  async #reconcile(key: string, signal: AbortSignal): Promise<void> {
    const pod = this.#pods.get(key)
    if (pod === undefined) return this.#endpoints.remove(key, signal)
    const ofNamespace = this.#namespaces.get(pod.namespace)
    // Its arrival brings its pods here again.
    if (ofNamespace === undefined) return
    const { namespace, labels: own, serviceAccount } = pod
    const cluster = this.#options.settings.clusterName
    const parts = { labels: own, namespace, namespaceLabels: ofNamespace, serviceAccount, cluster }
    const labels = securityLabels(parts, this.#filter)
    try {
      const identity = await this.#allocator.acquire(labels, signal)
      await this.#endpoints.put(key, { pod, identity: identity.number, labels }, signal)
    } catch (error) {
      if (!isNamespaceEnding(error)) throw error
    }
  }

  #failed(key: string, error: Error, failures: number): void {
    const { log, events } = this.#options
    const level = failures < EVENT_AFTER && hasStatus(error, 404, 409) ? 'debug' : 'warn'
    if (level === 'debug' || this.#faults.isNews(error.message))
      log[level](`pod ${key}: ${error.message}; trying again`)
    const pod = this.#pods.get(key)
    if (failures !== EVENT_AFTER || pod === undefined) return
    const { namespace, name, uid } = pod
    const subject = { apiVersion: 'v1', kind: 'Pod', namespace, name, uid }
    events.warn(subject, 'FoveaEndpointFailed', `CiliumEndpoint not written: ${error.message}`)
  }

  #gauges(): (() => void)[] {
    const { telemetry } = this.#options
    const gauge = (name: string, help: string, read: () => number) =>
      telemetry.gauge(`fovea_operator_${name}`, help, {}, read)
    return [
      gauge('pods', 'Pods that have an endpoint of their own.', () => this.#pods.size),
      gauge('identities', 'CiliumIdentities there are.', () => this.#index.size),
      gauge('endpoints', 'Endpoint objects (or slices) there are.', () => this.#endpoints.informer.size),
    ]
  }
}

/** The API server takes no new objects into a namespace that is being deleted: its pods are about to go too. */
function isNamespaceEnding(error: unknown): boolean {
  return hasStatus(error, 403) && error.message.includes('being terminated')
}
