import type { FlowBatch } from '../../flow/batch.ts'
import { EndpointTable } from '../../flow/endpoint.ts'
import { EventRecorder } from '../../kubernetes/event-recorder.ts'
import type { Component, CreateContext, FlowConsumer } from '../../pipeline/component.ts'
import { BatchNamer } from './batch-namer.ts'
import type { KubernetesConfig } from './config.ts'
import { DropEvents } from './drop-events.ts'
import { HeldBatches } from './held-batches.ts'
import type { Owners } from './owners.ts'
import { ProcessorMetrics } from './processor-metrics.ts'
import { WatchedCluster } from './watched-cluster.ts'

/** What exists between `start` and `shutdown`. */
interface Running {
  cluster: WatchedCluster
  namer: BatchNamer
  metrics: ProcessorMetrics
  held: HeldBatches
  recorder: EventRecorder | undefined
  drops: DropEvents | undefined
  unlisten: () => void
}

/** Names both ends of every flow by what the Kubernetes API server knows. */
export class KubernetesProcessor implements Component, FlowConsumer {
  readonly mutates = true
  readonly #context: CreateContext
  readonly #config: KubernetesConfig
  readonly #node: string
  readonly #table: EndpointTable
  readonly #next: FlowConsumer
  #running: Running | undefined
  #keep = new Uint8Array(1_024)
  #ok = true

  constructor(context: CreateContext, config: KubernetesConfig, next: FlowConsumer) {
    this.#context = context
    this.#config = config
    this.#next = next
    this.#node = config.node_name || context.nodeName
    this.#table = context.endpoints ?? new EndpointTable()
  }

  /** Resolves when the cluster is known, or after `wait_for_sync`. @throws Error when there is no cluster to talk to */
  async start(): Promise<void> {
    const context = this.#context
    const config = this.#config
    const cluster = await WatchedCluster.acquire({ context, config, table: this.#table, node: this.#node })
    context.log.info(`cluster ${cluster.description}, node ${this.#node}`)
    const namer = new BatchNamer(this.#table, cluster.model)
    const metrics = new ProcessorMetrics(context, cluster.model, this.#table, namer)
    const held = this.#holdBatches(namer, metrics)
    metrics.start(held)
    const unlisten = cluster.listen((failing) => this.#tell(failing))
    this.#running = { cluster, namer, metrics, held, unlisten, ...this.#dropEvents(cluster, metrics) }
    await this.#awaitSync(cluster)
  }

  consume(batch: FlowBatch): void | Promise<void> {
    // Without a cluster nobody is named, but nothing is lost.
    return this.#running === undefined ? this.#next.consume(batch) : this.#running.held.push(batch)
  }

  async shutdown(): Promise<void> {
    const running = this.#running
    if (running === undefined) return
    await running.held.flush()
    this.#running = undefined
    running.unlisten()
    await running.recorder?.flush()
    await running.cluster.release()
    running.metrics.end()
    running.namer.clear()
  }

  #holdBatches(namer: BatchNamer, { early }: ProcessorMetrics): HeldBatches {
    const { wait_for_metadata: waitMs, max_waiting_flows: maxFlows } = this.#config
    const next = { mutates: this.#next.mutates, consume: (batch: FlowBatch) => this.#passOn(batch) }
    const name = (batch: FlowBatch, waits: boolean) => namer.name(batch, waits)
    return new HeldBatches({ waitMs, maxFlows, name, next, log: this.#context.log, early })
  }

  /** A named batch: without what is not to be observed. */
  #passOn(batch: FlowBatch): void | Promise<void> {
    const running = this.#running
    if (running === undefined) return this.#next.consume(batch)
    running.drops?.observe(batch)
    const { mode, unobserved } = this.#config.observe
    const byDefault = mode === 'all'
    const { owners } = running.cluster.model
    if (unobserved === 'keep' || (byDefault && !owners.hasUnobserved)) return this.#next.consume(batch)
    const wanted = this.#wanted(batch, owners, byDefault)
    running.metrics.unobserved.add(batch.length - wanted.length)
    if (wanted.length > 0 || wanted.lost.length > 0) return this.#next.consume(wanted)
  }

  #wanted(batch: FlowBatch, owners: Owners, byDefault: boolean): FlowBatch {
    if (this.#keep.length < batch.length) this.#keep = new Uint8Array(2 * batch.length)
    const { sourceEndpoint, destinationEndpoint } = batch.columns
    for (let row = 0; row < batch.length; row++)
      this.#keep[row] = Number(owners.isWanted(sourceEndpoint[row]!, destinationEndpoint[row]!, byDefault))
    return batch.select(this.#keep)
  }

  #dropEvents({ client, model }: WatchedCluster, metrics: ProcessorMetrics): Pick<Running, 'recorder' | 'drops'> {
    const { drop_events: config } = this.#config
    if (!config.enabled) return { recorder: undefined, drops: undefined }
    const { telemetry, log } = this.#context
    const perSecond = config.rate_limit
    const source = { component: 'fovea', instance: this.#node }
    const recorder = new EventRecorder({ client, telemetry, log, ...source, perSecond, burst: perSecond })
    const podUid = (key: string) => model.pods.find(key)?.uid
    const { forgotten } = metrics
    return { recorder, drops: new DropEvents({ config, table: this.#table, recorder, podUid, forgotten }) }
  }

  async #awaitSync(cluster: WatchedCluster): Promise<void> {
    const { log } = this.#context
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<'late'>((resolve) => {
      timer = setTimeout(() => resolve('late'), this.#config.wait_for_sync)
    })
    const outcome = await Promise.race([cluster.synced, late])
    clearTimeout(timer)
    if (outcome !== 'late') {
      log.info('the cluster is known')
      if (cluster.model.hostId === 0)
        log.warn(
          `the cluster has no node ${JSON.stringify(this.#node)}: its own pods seem remote; set node_name to its name`,
        )
      return
    }
    log.warn(`going on without ${cluster.missing.join(', ')}: not listed within wait_for_sync`)
    this.#tell(cluster.failing)
  }

  #tell(failing: Error | undefined): void {
    if (failing !== undefined) this.#context.report({ at: 'recoverable_error', error: failing })
    else if (!this.#ok) this.#context.report({ at: 'ok' })
    this.#ok = failing === undefined
  }
}
