import type { EndpointTable } from '../../flow/endpoint.ts'
import { type Access, openAccess } from '../../kubernetes/access.ts'
import { ApiClient } from '../../kubernetes/client.ts'
import { LabelFilter } from '../../kubernetes/label-filter.ts'
import { RateLimit } from '../../kubernetes/rate-limit.ts'
import type { CreateContext } from '../../pipeline/component.ts'
import { ClusterModel } from './cluster-model.ts'
import type { KubernetesConfig } from './config.ts'
import { OwnerLookup } from './owner-lookup.ts'
import type { PodRecord } from './pod-record.ts'
import { clusterWatches, type Watch } from './watches.ts'

/** How often what is over is forgotten, and the state of the watches told. */
const SWEEP_MS = 5_000

/** Requests about single objects: who is behind a Job, Events. */
const REQUESTS_PER_SECOND = 20
const REQUESTS_AT_ONCE = 40

export interface WatchedClusterSettings {
  context: CreateContext
  config: KubernetesConfig
  table: EndpointTable
  /** Name of this agent's node. */
  node: string
}

/** What exists once the API server is found. */
interface Open {
  access: Access
  client: ApiClient
  watches: readonly Watch[]
  lookup: OwnerLookup
  sweeper: NodeJS.Timeout
}

/** Told every few seconds of a watch that fails; undefined = none does. */
export type HealthListener = (failing: Error | undefined) => void

/** By table and by the settings that matter. */
const shared = new WeakMap<EndpointTable, Map<string, WatchedCluster>>()

/**
 * The cluster as one set of watches tells it. Processors of one service with the same settings share one: a second pipeline
 * costs no second watch of every pod.
 */
export class WatchedCluster {
  readonly model: ClusterModel
  readonly #settings: WatchedClusterSettings
  readonly #filter: LabelFilter
  readonly #synced = Promise.withResolvers<void>()
  readonly #listeners = new Set<HealthListener>()
  /** Takes it out of `shared`. */
  readonly #forget: () => void
  #opening: Promise<Open> | undefined
  #open: Open | undefined
  #users = 0

  private constructor(settings: WatchedClusterSettings, forget: () => void) {
    const { config, table, node } = settings
    this.#settings = settings
    this.#forget = forget
    this.#filter = new LabelFilter(config.labels)
    this.model = new ClusterModel({
      table,
      names: { cluster: config.cluster_name, node },
      limits: { historyMs: config.history, maxHistory: config.max_history },
      filter: this.#filter,
      observeDefault: config.observe.mode === 'all',
      behind: (pod) => this.#behind(pod),
    })
  }

  /** The cluster for these settings; each user gives it up by `release`. @throws Error when there is none to talk to */
  static async acquire(settings: WatchedClusterSettings): Promise<WatchedCluster> {
    const { config, table, node } = settings
    const clusters = shared.get(table) ?? new Map<string, WatchedCluster>()
    shared.set(table, clusters)
    const key = keyOf(config, node)
    const cluster = clusters.get(key) ?? new WatchedCluster(settings, () => void clusters.delete(key))
    clusters.set(key, cluster)
    cluster.#users++
    try {
      cluster.#opening ??= cluster.#start()
      await cluster.#opening
    } catch (error) {
      await cluster.release()
      throw error
    }
    return cluster
  }

  /** Resolves when every watch has its first list. */
  get synced(): Promise<void> {
    return this.#synced.promise
  }

  /** Names of watches that have no list yet. */
  get missing(): string[] {
    return (this.#open?.watches ?? []).filter((watch) => !watch.synced).map(({ name }) => name)
  }

  /** What a watch fails with; undefined = none does. */
  get failing(): Error | undefined {
    const failing = this.#open?.watches.map(({ state }) => state).find(({ at }) => at === 'waiting')
    return failing?.at === 'waiting' ? failing.error : undefined
  }

  /** For messages. */
  get description(): string {
    return this.#open?.access.description ?? ''
  }

  /** @throws Error before it is open and after its last release */
  get client(): ApiClient {
    if (this.#open === undefined) throw new Error('the cluster is not being watched')
    return this.#open.client
  }

  /** Calls `listener` now and then. Returns a function that ends that. */
  listen(listener: HealthListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** One user less; after the last one everything ends. */
  async release(): Promise<void> {
    this.#users--
    if (this.#users > 0) return
    this.#forget()
    const open = this.#open
    this.#open = undefined
    if (open !== undefined) {
      clearInterval(open.sweeper)
      open.lookup.stop()
      await Promise.all(open.watches.map((watch) => watch.stop()))
      open.access.close()
    }
    this.model.clear()
  }

  async #start(): Promise<Open> {
    const { context, config, node } = this.#settings
    const { log, telemetry, resource } = context
    const access = await openAccess({
      kubeconfig: config.kube_config,
      context: config.context,
      inCluster: config.auth_type === 'serviceAccount',
      serviceAccountDirectory: config.service_account_directory,
    })
    const userAgent = `fovea/${resource['service.version'] ?? 'unknown'}`
    const limiter = new RateLimit(REQUESTS_PER_SECOND, REQUESTS_AT_ONCE)
    const client = new ApiClient(access, { telemetry, userAgent, limiter })
    const synced = () => {
      if (this.missing.length === 0) this.#synced.resolve()
    }
    const { model } = this
    const watches = clusterWatches({ config, client, telemetry, log, model, filter: this.#filter, node, synced })
    const sweeper = setInterval(() => this.#sweep(), SWEEP_MS)
    sweeper.unref()
    this.#open = { access, client, watches, lookup: new OwnerLookup(client, log), sweeper }
    for (const watch of watches) watch.start()
    return this.#open
  }

  #behind(pod: PodRecord) {
    const { namespace, name, workload } = pod
    const found = () => this.model.pods.correct(`${namespace}/${name}`)
    return this.#open?.lookup.behind(namespace, workload, found) ?? workload
  }

  #sweep(): void {
    this.model.sweep()
    for (const listener of this.#listeners) listener(this.failing)
  }
}

/** The settings that decide what a cluster looks like; all others are the processor's own. */
function keyOf(config: KubernetesConfig, node: string): string {
  const { wait_for_sync, wait_for_metadata, max_waiting_flows, drop_events, observe, ...cluster } = config
  const { unobserved, ...observed } = observe
  return JSON.stringify([node, cluster, observed])
}
