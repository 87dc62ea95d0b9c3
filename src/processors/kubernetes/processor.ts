import type { FlowBatch } from '../../flow/batch.ts'
import { EndpointTable } from '../../flow/endpoint.ts'
import { type Access, openAccess } from '../../kubernetes/access.ts'
import { ApiClient } from '../../kubernetes/client.ts'
import { EventRecorder } from '../../kubernetes/event-recorder.ts'
import { LabelFilter } from '../../kubernetes/label-filter.ts'
import { RateLimit } from '../../kubernetes/rate-limit.ts'
import type { Component, CreateContext, FlowConsumer } from '../../pipeline/component.ts'
import { BatchNamer } from './batch-namer.ts'
import { ClusterModel } from './cluster-model.ts'
import type { KubernetesConfig } from './config.ts'
import { DropEvents } from './drop-events.ts'
import { HeldBatches } from './held-batches.ts'
import { OwnerLookup } from './owner-lookup.ts'
import type { PodRecord } from './pod-record.ts'
import { ProcessorMetrics } from './processor-metrics.ts'
import { clusterWatches, type Watch } from './watches.ts'

/** How often what is over is forgotten, and the state of the watches looked at. */
const SWEEP_MS = 5_000

/** Requests about single objects: who is behind a Job, Events. */
const REQUESTS_PER_SECOND = 20
const REQUESTS_AT_ONCE = 40

/** What exists between `start` and `shutdown`. */
interface Running {
  access: Access
  watches: readonly Watch[]
  lookup: OwnerLookup
  recorder: EventRecorder | undefined
  drops: DropEvents | undefined
  sweeper: NodeJS.Timeout
}

/** Names both ends of every flow by what the Kubernetes API server knows. */
export class KubernetesProcessor implements Component, FlowConsumer {
  readonly mutates = true
  readonly model: ClusterModel
  readonly #context: CreateContext
  readonly #config: KubernetesConfig
  readonly #filter: LabelFilter
  readonly #node: string
  readonly #table: EndpointTable
  readonly #namer: BatchNamer
  readonly #held: HeldBatches
  readonly #next: FlowConsumer
  readonly #metrics: ProcessorMetrics
  #running: Running | undefined
  #keep = new Uint8Array(1_024)
  #ok = true

  constructor(context: CreateContext, config: KubernetesConfig, next: FlowConsumer) {
    this.#context = context
    this.#config = config
    this.#next = next
    this.#filter = new LabelFilter(config.labels)
    this.#node = config.node_name || context.nodeName
    this.#table = context.endpoints ?? new EndpointTable()
    this.model = new ClusterModel({
      table: this.#table,
      names: { cluster: config.cluster_name, node: this.#node },
      limits: { historyMs: config.history, maxHistory: config.max_history },
      filter: this.#filter,
      observeDefault: config.observe.mode === 'all',
      behind: (pod) => this.#behind(pod),
    })
    this.#namer = new BatchNamer(this.#table, this.model)
    this.#metrics = new ProcessorMetrics(context, this.model, this.#table, this.#namer)
    const passOn = { mutates: next.mutates, consume: (batch: FlowBatch) => this.#passOn(batch) }
    const { wait_for_metadata: waitMs, max_waiting_flows: maxFlows } = config
    const name = (batch: FlowBatch) => this.#namer.name(batch, waitMs > 0)
    const { early } = this.#metrics
    this.#held = new HeldBatches({ waitMs, maxFlows, name, next: passOn, log: context.log, early })
    this.#metrics.held = this.#held
  }

  /** Resolves when the cluster is known, or after `wait_for_sync`. @throws Error when there is no cluster to talk to */
  async start(): Promise<void> {
    const { log, telemetry, resource } = this.#context
    const { auth_type, kube_config: kubeconfig, context, service_account_directory } = this.#config
    const inCluster = auth_type === 'serviceAccount'
    const access = await openAccess({
      kubeconfig,
      context,
      inCluster,
      serviceAccountDirectory: service_account_directory,
    })
    log.info(`cluster ${access.description}, node ${this.#node}`)
    const userAgent = `fovea/${resource['service.version'] ?? 'unknown'}`
    const limiter = new RateLimit(REQUESTS_PER_SECOND, REQUESTS_AT_ONCE)
    const client = new ApiClient(access, { telemetry, userAgent, limiter })
    const synced = Promise.withResolvers<void>()
    const { model } = this
    const settings = { config: this.#config, client, telemetry, log, model, filter: this.#filter, node: this.#node }
    const watches = clusterWatches({
      ...settings,
      synced: () => {
        if (watches.every((watch) => watch.synced)) synced.resolve()
      },
    })
    const sweeper = setInterval(() => this.#sweep(), SWEEP_MS)
    sweeper.unref()
    this.#running = { access, watches, lookup: new OwnerLookup(client, log), sweeper, ...this.#dropEvents(client) }
    this.#metrics.start()
    for (const watch of watches) watch.start()
    await this.#awaitSync(synced.promise, watches)
  }

  consume(batch: FlowBatch): void | Promise<void> {
    return this.#held.push(batch)
  }

  async shutdown(): Promise<void> {
    await this.#held.flush()
    const running = this.#running
    this.#running = undefined
    if (running === undefined) return
    clearInterval(running.sweeper)
    running.lookup.stop()
    await running.recorder?.flush()
    await Promise.all(running.watches.map((watch) => watch.stop()))
    running.access.close()
    this.#metrics.end()
    this.model.clear()
    this.#namer.clear()
  }

  /** A named batch: without what is not to be observed. */
  #passOn(batch: FlowBatch): void | Promise<void> {
    this.#running?.drops?.observe(batch)
    const { mode, unobserved } = this.#config.observe
    const byDefault = mode === 'all'
    if (unobserved === 'keep' || (byDefault && !this.model.owners.hasUnobserved)) return this.#next.consume(batch)
    const wanted = this.#wanted(batch, byDefault)
    this.#metrics.unobserved.add(batch.length - wanted.length)
    if (wanted.length > 0 || wanted.lost.length > 0) return this.#next.consume(wanted)
  }

  #wanted(batch: FlowBatch, byDefault: boolean): FlowBatch {
    if (this.#keep.length < batch.length) this.#keep = new Uint8Array(2 * batch.length)
    const { sourceEndpoint, destinationEndpoint } = batch.columns
    const { owners } = this.model
    for (let row = 0; row < batch.length; row++)
      this.#keep[row] = Number(owners.isWanted(sourceEndpoint[row]!, destinationEndpoint[row]!, byDefault))
    return batch.select(this.#keep)
  }

  #behind(pod: PodRecord) {
    const { namespace, name, workload } = pod
    const found = () => this.model.pods.invalidate(`${namespace}/${name}`)
    return this.#running?.lookup.behind(namespace, workload, found) ?? workload
  }

  #dropEvents(client: ApiClient): Pick<Running, 'recorder' | 'drops'> {
    const { drop_events: config } = this.#config
    if (!config.enabled) return { recorder: undefined, drops: undefined }
    const { telemetry, log } = this.#context
    const perSecond = config.rate_limit
    const source = { component: 'fovea', instance: this.#node }
    const recorder = new EventRecorder({ client, telemetry, log, ...source, perSecond, burst: perSecond })
    const podUid = (key: string) => this.model.pods.find(key)?.uid
    const { forgotten } = this.#metrics
    return { recorder, drops: new DropEvents({ config, table: this.#table, recorder, podUid, forgotten }) }
  }

  async #awaitSync(synced: Promise<void>, watches: readonly Watch[]): Promise<void> {
    const { log } = this.#context
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<'late'>((resolve) => {
      timer = setTimeout(() => resolve('late'), this.#config.wait_for_sync)
    })
    const outcome = await Promise.race([synced, late])
    clearTimeout(timer)
    if (outcome !== 'late') return log.info('the cluster is known')
    const missing = watches.filter((watch) => !watch.synced).map((watch) => watch.name)
    log.warn(`going on without ${missing.join(', ')}: not listed within wait_for_sync`)
    this.#sweep()
  }

  #sweep(): void {
    this.model.sweep()
    const failing = this.#running?.watches.map(({ state }) => state).find(({ at }) => at === 'waiting')
    if (failing?.at === 'waiting') this.#context.report({ at: 'recoverable_error', error: failing.error })
    else if (!this.#ok) this.#context.report({ at: 'ok' })
    this.#ok = failing === undefined
  }
}
