import type { Logger } from 'pino'
import type { FlowBatch } from '../flow/batch.ts'
import type { EndpointTable } from '../flow/endpoint.ts'
import type { MetricSource } from '../metrics/source.ts'
import type { WorkerPool } from './pool.ts'
import type { Telemetry } from './telemetry.ts'

/** The contracts between components. Data flows one way: receiver → processors → fan-out → exporters or connectors. */

export type Signal = 'flows' | 'metrics'
export type Kind = 'receiver' | 'processor' | 'exporter' | 'connector' | 'extension'

/** `type` or `type/name`, as written in the configuration. */
export type ComponentId = string

/** Anything that is started and stopped. Both may be called when the other failed; `shutdown` may be called twice and without `start`. */
export interface Component {
  /** Resolves when ready; rejects with an error that names the setting or address at fault. */
  start(): Promise<void>
  /** Drains, then releases everything. @param deadlineMs Unix milliseconds after which draining is given up */
  shutdown(deadlineMs: number): Promise<void>
  /** Where people and programs reach it, once started; printed after the start and shown by zpages. */
  endpoints?(): readonly EndpointView[]
}

/** An address that a component serves. */
export interface EndpointView {
  /** What it is: `Hubble API`, `Prometheus metrics`. */
  name: string
  /** As reached from this machine: `localhost:4245`, `http://localhost:9965/metrics`. */
  url: string
  /** A command that shows it at work: `hubble observe --server localhost:4245 --follow`; `''` when the URL says all. */
  hint: string
}

/** Takes batches. `void` = done with it or kept it (`batch.retain()`); a promise = wait before the next one (back-pressure). */
export interface FlowConsumer {
  /** Whether it changes batches in place; fan-out gives such a consumer a copy of its own where others read the same batch. */
  readonly mutates: boolean
  /** @throws {@link RefusedError} when the data was not taken and nothing of it was kept */
  consume(batch: FlowBatch): void | Promise<void>
}

/** Data was not taken for a passing reason (memory, full queue); the sender counts it as refused. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError'
}

/** Component status, as the Collector's (`docs/component-status.md` there). */
export type Status =
  | { at: 'starting' }
  | { at: 'ok' }
  | { at: 'recoverable_error'; error: Error }
  | { at: 'permanent_error'; error: Error }
  | { at: 'fatal_error'; error: Error }
  | { at: 'stopping' }
  | { at: 'stopped' }

/** What every component is given when it is built. */
export interface CreateContext {
  readonly id: ComponentId
  readonly kind: Kind
  /** Carries component id and kind. */
  readonly log: Logger
  readonly telemetry: Telemetry
  readonly pool: WorkerPool
  /** Node name as flows carry it: `service.telemetry.resource`'s or the host's name. */
  readonly nodeName: string
  /** Who the endpoint ids in the columns are, for the whole service; absent = nobody but the reserved ones. */
  readonly endpoints?: EndpointTable
  /** Attributes of this service, as `service.telemetry.resource` says. */
  readonly resource: Readonly<Record<string, string>>
  /** Tells the state of this component to health_check and zpages; `fatal_error` ends the process in order. */
  report(status: Status): void
  /** Looks up a running extension, for example `file_storage`; undefined when not configured. */
  extension(id: ComponentId): Component | undefined
}

/** One problem of a configuration: a path below the component (`tls::ca_file`) and what to do. */
export interface Problem {
  path: readonly string[]
  message: string
}

/** How a component's settings are described: a convict schema plus checks that span several settings. */
export interface ConfigSpec<Config> {
  /** convict schema of the component's body; every setting has `doc`, `format`, `default`; secrets `sensitive: true`. */
  readonly schema: object
  /** Problems that no single setting's format can see. */
  check?(config: Config): Problem[]
  /** Extensions that a component with these settings uses: they must run, and the component starts anew when they do. */
  extensions?(config: Config): readonly ExtensionUse[]
}

/** A setting that names an extension. */
export interface ExtensionUse {
  path: readonly string[]
  id: ComponentId
}

export interface ReceiverFactory<Config = unknown> {
  readonly type: string
  readonly config: ConfigSpec<Config>
  /**
   * @param next counts `otelcol_receiver_accepted_flows` and `_refused_flows` and logs refusals before it rejects, so that a
   *   receiver only catches what it rejects with; `_failed_flows`, its own failures, are the receiver's to count
   */
  flows?(context: CreateContext, config: Config, next: FlowConsumer): Promise<Component>
  metrics?(context: CreateContext, config: Config): Promise<Component & { source: MetricSource }>
}

export interface ProcessorFactory<Config = unknown> {
  readonly type: string
  readonly config: ConfigSpec<Config>
  flows(context: CreateContext, config: Config, next: FlowConsumer): Promise<Component & FlowConsumer>
}

export interface ExporterFactory<Config = unknown> {
  readonly type: string
  /** Deprecated names that still work, with a warning. */
  readonly aliases?: readonly string[]
  /**
   * True for an exporter that queues: it counts `otelcol_exporter_sent_flows` and `_send_failed_flows` itself, when the
   * fate of the data is known. Otherwise they are counted by how `consume` ends.
   */
  readonly countsSent?: boolean
  readonly config: ConfigSpec<Config>
  flows?(context: CreateContext, config: Config): Promise<Component & FlowConsumer>
  /** @param sources grows never: the sources of the pipeline's receivers, in order */
  metrics?(context: CreateContext, config: Config, sources: readonly MetricSource[]): Promise<Component>
}

/** Ends flows pipelines and is a receiver of metrics pipelines. */
export interface ConnectorFactory<Config = unknown> {
  readonly type: string
  readonly config: ConfigSpec<Config>
  flowsToMetrics(context: CreateContext, config: Config): Promise<Component & FlowConsumer & { source: MetricSource }>
}

export interface ExtensionFactory<Config = unknown> {
  readonly type: string
  readonly config: ConfigSpec<Config>
  create(
    context: CreateContext,
    config: Config,
    host: Host,
  ): Promise<Component & { notify?(event: 'ready' | 'not_ready'): void }>
}

/** What extensions may see of the running service. */
export interface Host {
  readonly startedMs: number
  /** Every component with its status, pipelines and kind. */
  components(): readonly ComponentView[]
  pipelines(): readonly PipelineView[]
  /** What started components serve. */
  endpoints(): readonly EndpointView[]
  /** Outcome of the last reload; undefined before the first. */
  lastReload(): ReloadView | undefined
}

/** A reload of the configuration. */
export interface ReloadView {
  /** Unix milliseconds. */
  atMs: number
  /** Why it was refused and the old configuration kept; undefined when it is in force. */
  error: Error | undefined
}

export interface ComponentView {
  id: ComponentId
  kind: Kind
  pipelines: readonly string[]
  status: Status
  /** Unix milliseconds of the last change of status. */
  sinceMs: number
}

export interface PipelineView {
  id: string
  signal: Signal
  receivers: readonly ComponentId[]
  processors: readonly ComponentId[]
  exporters: readonly ComponentId[]
  mutates: boolean
}

/**
 * A receiver's `start` rejects with this when this machine lets it observe nothing at all (no privilege, no BTF, another
 * operating system). `run --fallback FILE` then says so and runs that configuration instead.
 */
export class NothingToObserveError extends Error {
  override readonly name = 'NothingToObserveError'
}
