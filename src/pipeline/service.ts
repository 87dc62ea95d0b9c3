import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import { EndpointTable } from '../flow/endpoint.ts'
import type { ComponentView, EndpointView, Host, PipelineView, ReloadView } from './component.ts'
import type { ResolvedConfig } from './config/resolved.ts'
import { type BuiltNode, buildGraph, type Surroundings } from './graph.ts'
import { startNodes, stopNodes } from './lifecycle.ts'
import { OwnMetrics } from './own-metrics.ts'
import { type Plan, planGraph } from './plan.ts'
import { WorkerPool } from './pool.ts'
import { addProcessMetrics } from './process-metrics.ts'
import { addTargetInfo, nodeNameOf, type Resource, serviceResource } from './resource.ts'
import { openLog, ownLogsConfig, type ServiceLog } from './service-log.ts'
import { Telemetry } from './telemetry.ts'

/** What a service is told besides its configuration. */
export interface ServiceOptions {
  version: string
  /** Called once, when a component reports a fatal error after the start. */
  fatal(error: Error): void
  /** A logger instead of the configured one, for tests. */
  log?: Logger
}

/** What runs of one configuration. */
interface Running extends ServiceLog {
  config: ResolvedConfig
  plan: Plan
  /** By key, in start order. */
  nodes: ReadonlyMap<string, BuiltNode>
  pool: WorkerPool
}

/** A configuration at work: builds its graph, starts and stops it, exchanges it for another one. */
export class Service implements Host {
  readonly startedMs = Date.now()
  readonly telemetry = new Telemetry()
  /** One for the life of the service: flows that are kept go on to name its ids over reloads. */
  readonly #endpointTable = new EndpointTable()
  #options: ServiceOptions
  #instanceId = randomUUID()
  #running: Running | undefined
  #ownMetrics: OwnMetrics | undefined
  #lastReload: ReloadView | undefined
  #endProcessMetrics: () => void
  #forgetResource: () => void = () => {}
  #fatal = false

  constructor(options: ServiceOptions) {
    this.#options = options
    this.#endProcessMetrics = addProcessMetrics(this.telemetry)
  }

  /** The configured log; undefined while nothing runs. */
  get log(): Logger | undefined {
    return this.#running?.log
  }

  /** @throws Error that names the component or address at fault; what had started is stopped again */
  async start(config: ResolvedConfig): Promise<void> {
    const logs = await this.#openLog(config)
    const { log } = logs
    warnAboutAliases(config, log)
    const running = await this.#build(config, undefined, logs)
    this.#running = running
    try {
      await this.#startOwnMetrics(config, log)
      await startNodes([...running.nodes.values()])
    } catch (error) {
      await this.shutdown()
      throw error
    }
    this.#tellResource(config)
    this.#notify('ready')
    log.info('Everything is ready. Begin running and processing data.')
  }

  /** Drains and stops everything. Safe without `start` and when called twice. @returns whether all stopped in time */
  async shutdown(): Promise<boolean> {
    const running = this.#running
    this.#running = undefined
    this.#endProcessMetrics()
    if (running === undefined) return true
    const deadlineMs = Date.now() + running.config.service.shutdown_timeout
    running.log.info('Starting shutdown...')
    notify(running.nodes.values(), 'not_ready', running.log)
    const clean = await stopNodes([...running.nodes.values()], deadlineMs, running.log)
    await running.pool.close()
    await this.#ownMetrics?.shutdown(deadlineMs)
    this.#ownMetrics = undefined
    running.log.info('Shutdown complete.')
    await running.ownLogs?.shutdown(deadlineMs)
    return clean
  }

  /**
   * Exchanges the configuration. Instances whose settings, and those of everything they feed, are the same keep running.
   * The new graph is made before anything of the old one stops; when it does not start the old one is brought back.
   * @throws Error why the new configuration is not in force; the old one runs, unless a fatal error was reported
   */
  async reload(config: ResolvedConfig): Promise<void> {
    const old = this.#running
    if (old === undefined) throw new Error('the service is not running')
    try {
      await this.#exchange(old, config)
      this.#lastReload = { atMs: Date.now(), error: undefined }
    } catch (error) {
      this.reloadFailed(error as Error)
      throw error
    }
  }

  /** Takes note of a new configuration that could not even be loaded. */
  reloadFailed(error: Error): void {
    this.#lastReload = { atMs: Date.now(), error }
  }

  components(): readonly ComponentView[] {
    return this.#nodes().map((node) => node.tracker.view)
  }

  pipelines(): readonly PipelineView[] {
    const running = this.#running
    if (running === undefined) return []
    return running.plan.pipelines.map((pipeline) => ({ ...pipeline, mutates: mutates(pipeline, running.nodes) }))
  }

  endpoints(): readonly EndpointView[] {
    const ofComponents = this.#nodes().flatMap((node) => [...(node.component.endpoints?.() ?? [])])
    return [...ofComponents, ...(this.#ownMetrics?.endpoints() ?? [])]
  }

  lastReload(): ReloadView | undefined {
    return this.#lastReload
  }

  #nodes(): BuiltNode[] {
    return [...(this.#running?.nodes.values() ?? [])]
  }

  async #exchange(old: Running, config: ResolvedConfig): Promise<void> {
    const sameBase = JSON.stringify(baseOf(old.config)) === JSON.stringify(baseOf(config))
    const logs = sameBase ? old : await this.#openLog(config)
    const { log } = logs
    warnAboutAliases(config, log)
    const next = await this.#build(config, sameBase ? old : undefined, logs)
    const stale = without(old.nodes, next.nodes)
    const fresh = without(next.nodes, old.nodes)
    const deadlineMs = Date.now() + old.config.service.shutdown_timeout
    await stopNodes(stale, deadlineMs, old.log)
    this.#running = next
    try {
      await this.#startOwnMetrics(config, log)
      await startNodes(fresh)
    } catch (error) {
      await stopNodes(fresh, Date.now() + config.service.shutdown_timeout, log)
      await this.#bringBack(old, stale, next)
      throw error
    }
    if (next.pool !== old.pool) await old.pool.close()
    if (next.ownLogs !== old.ownLogs) await old.ownLogs?.shutdown(deadlineMs)
    this.#tellResource(config)
    notify(fresh, 'ready', log)
    log.info({ restarted: fresh.length, kept: next.nodes.size - fresh.length }, 'Configuration reloaded')
  }

  /** What had stopped for the new configuration is made anew: an instance starts only once. */
  async #bringBack(old: Running, stopped: readonly BuiltNode[], failed: Running): Promise<void> {
    try {
      const kept = new Map([...old.nodes].filter(([, node]) => !stopped.includes(node)))
      const nodes = await buildGraph(old.plan, kept, this.#surroundings(old))
      this.#running = { ...old, nodes }
      await this.#startOwnMetrics(old.config, old.log)
      await startNodes(without(nodes, kept))
      notify(without(nodes, kept), 'ready', old.log)
    } catch (cause) {
      this.#reportFatal(
        new Error(`the old configuration could not be brought back: ${(cause as Error).message}`, { cause }),
      )
    }
    if (failed.pool !== old.pool) await failed.pool.close()
    if (failed.ownLogs !== old.ownLogs) await failed.ownLogs?.shutdown(Date.now())
  }

  async #openLog(config: ResolvedConfig): Promise<ServiceLog> {
    if (this.#options.log !== undefined) return { log: this.#options.log, ownLogs: undefined }
    return await openLog(config, this.#resourceOf(config), this.telemetry)
  }

  async #build(config: ResolvedConfig, reuse: Running | undefined, { log, ownLogs }: ServiceLog): Promise<Running> {
    const plan = planGraph(config, baseOf(config))
    const shared = {
      config,
      plan,
      log,
      ownLogs,
      pool: reuse?.pool ?? new WorkerPool(config.service.workers),
    }
    const kept = new Map(
      plan.nodes.flatMap((node) => {
        const known = reuse?.nodes.get(node.key)
        return known?.plan.signature === node.signature ? [[node.key, known] as const] : []
      }),
    )
    try {
      return { ...shared, nodes: await buildGraph(plan, kept, this.#surroundings(shared)) }
    } catch (error) {
      if (reuse === undefined) {
        await shared.pool.close()
        await ownLogs?.shutdown(Date.now())
      }
      throw error
    }
  }

  #surroundings({ config, log, pool }: Pick<Running, 'config' | 'log' | 'pool'>): Surroundings {
    const resource = this.#resourceOf(config)
    return {
      log,
      pool,
      telemetry: this.telemetry,
      nodeName: nodeNameOf(resource),
      resource,
      endpoints: this.#endpointTable,
      host: this,
      changed: ({ tracker: { view } }) => {
        if (view.status.at === 'fatal_error') this.#reportFatal(view.status.error)
      },
      extension: (id) => this.#running?.nodes.get(`extension/${id}`)?.component,
    }
  }

  /** Servers stay open over a reload that does not change them. */
  async #startOwnMetrics(config: ResolvedConfig, log: Logger): Promise<void> {
    const settings = config.service.telemetry.metrics
    const key = JSON.stringify(settings)
    if (this.#ownMetrics?.key === key) return
    await this.#ownMetrics?.shutdown(Date.now())
    this.#ownMetrics = new OwnMetrics(this.telemetry, log, key)
    await this.#ownMetrics.start(settings)
  }

  #resourceOf({ service }: ResolvedConfig): Resource {
    return serviceResource(service.telemetry.resource, this.#options.version, this.#instanceId)
  }

  #tellResource(config: ResolvedConfig): void {
    this.#forgetResource()
    this.#forgetResource = addTargetInfo(this.telemetry, this.#resourceOf(config))
  }

  #notify(event: 'ready' | 'not_ready'): void {
    if (this.#running !== undefined) notify(this.#running.nodes.values(), event, this.#running.log)
  }

  #reportFatal(error: Error): void {
    if (this.#fatal) return
    this.#fatal = true
    this.#running?.log.error({ err: error }, 'Asynchronous error received, terminating process')
    this.#options.fatal(error)
  }
}

/** Settings whose change restarts every component. */
function baseOf(config: ResolvedConfig): unknown {
  const { telemetry, workers } = config.service
  return [telemetry.logs, ownLogsConfig(config) ?? null, telemetry.resource, workers]
}

function without(nodes: ReadonlyMap<string, BuiltNode>, others: ReadonlyMap<string, BuiltNode>): BuiltNode[] {
  return [...nodes].filter(([key, node]) => others.get(key) !== node).map(([, node]) => node)
}

function notify(nodes: Iterable<BuiltNode>, event: 'ready' | 'not_ready', log: Logger): void {
  for (const node of nodes) {
    try {
      node.component.notify?.(event)
    } catch (error) {
      log.error({ err: error }, `Extension failed at "${event}"`)
    }
  }
}

function mutates(pipeline: PipelineView, nodes: ReadonlyMap<string, BuiltNode>): boolean {
  const first = pipeline.processors[0]
  return first !== undefined && (nodes.get(`processor/${first}/${pipeline.id}`)?.consumer?.mutates ?? false)
}

function warnAboutAliases(config: ResolvedConfig, log: Logger): void {
  for (const components of Object.values(config.components)) {
    for (const { alias, type } of components.values()) {
      if (alias !== undefined) log.warn(`"${alias}" alias is deprecated; use "${type}" instead`)
    }
  }
}
