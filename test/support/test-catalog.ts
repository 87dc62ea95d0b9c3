import type { FlowBatch } from '../../src/flow/batch.ts'
import type { MetricSource } from '../../src/metrics/source.ts'
import { Catalog, type CatalogEntry } from '../../src/pipeline/catalog.ts'
import {
  type Component,
  type ConfigSpec,
  type CreateContext,
  type FlowConsumer,
  type Host,
  NothingToObserveError,
  type Status,
} from '../../src/pipeline/component.ts'
import { grpcClientSchema } from '../../src/pipeline/settings/grpc-client.ts'
import { checkTlsServer, type TlsServerConfig, tlsServerSchema } from '../../src/pipeline/settings/tls-server.ts'

/** Settings by which a test steers a component. */
export interface SteeredConfig {
  /** Its `start` fails with this. */
  fail_start: string
  /** Its `start` says that there is nothing to observe, for this reason. */
  nothing: string
  /** Its creation fails with this. */
  fail_create: string
  /** Its `shutdown` never ends. */
  hang: boolean
  /** Its `consume` fails with this. */
  fail_consume: string
  mutates: boolean
  /** Anything, to make a configuration another one. */
  tag: string
}

const STEERED = {
  fail_start: { doc: 'error of the start', format: String, default: '' },
  nothing: { doc: 'why nothing can be observed', format: String, default: '' },
  fail_create: { doc: 'error of the creation', format: String, default: '' },
  hang: { doc: 'never stops', format: Boolean, default: false },
  fail_consume: { doc: 'error of every batch', format: String, default: '' },
  mutates: { doc: 'changes batches', format: Boolean, default: false },
  tag: { doc: 'anything', format: String, default: '' },
}

/** Settings of every kind, for what is said of bad ones. */
export interface ManyConfig {
  endpoint: string
  interval: number
  count: number
  share: number
  level: string
  names: string[]
  anything: Record<string, unknown>
  socket: { enabled: boolean; path: string; mode: number }
  tls: TlsServerConfig
}

const MANY: ConfigSpec<ManyConfig> = {
  schema: {
    endpoint: { doc: 'host:port', format: 'endpoint', default: 'localhost:1' },
    interval: { doc: 'time', format: 'duration', default: '10s' },
    count: { doc: 'number', format: 'positive-int', default: 3 },
    share: { doc: 'percent', format: 'percentage', default: 100 },
    level: { doc: 'choice', format: ['basic', 'detailed'], default: 'basic' },
    names: { doc: 'list', format: 'string-list', default: [] },
    anything: { doc: 'free-form', format: 'object', default: {} },
    socket: {
      enabled: { doc: 'on or off', format: Boolean, default: false, presence: true },
      path: { doc: 'path', format: 'file', default: '' },
      mode: { doc: 'permissions', format: 'file-mode', default: '0660' },
    },
    tls: tlsServerSchema,
  },
  check: ({ tls }) => checkTlsServer(tls, ['tls']),
}

/** What happened to components, in order: `start exporter/out`, `shutdown receiver/in`. */
export class Trace {
  readonly events: string[] = []
  /** Receivers by id, the newest of each. */
  readonly receivers = new Map<string, TestReceiver>()
  readonly exporters = new Map<string, TestExporter>()
  /** Hosts that extensions were given. */
  readonly hosts: Host[] = []
  /** Told of every event, so that a test can wait for one. */
  heard: (event: string) => void = () => {}

  note(event: string): void {
    this.events.push(event)
    this.heard(event)
  }
}

class Steered implements Component {
  protected readonly context: CreateContext
  protected readonly config: SteeredConfig
  protected readonly trace: Trace

  constructor(context: CreateContext, config: SteeredConfig, trace: Trace) {
    if (config.fail_create !== '') throw new Error(config.fail_create)
    this.context = context
    this.config = config
    this.trace = trace
    trace.note(`create ${this.name}`)
  }

  get name(): string {
    return `${this.context.kind}/${this.context.id}`
  }

  async start(): Promise<void> {
    this.trace.note(`start ${this.name}`)
    if (this.config.nothing !== '') throw new NothingToObserveError(this.config.nothing)
    if (this.config.fail_start !== '') throw new Error(this.config.fail_start)
  }

  async shutdown(_deadlineMs: number): Promise<void> {
    this.trace.note(`shutdown ${this.name}`)
    if (this.config.hang) await new Promise(() => {})
  }

  report(status: Status): void {
    this.context.report(status)
  }
}

/** A receiver whose flows the test sends. */
export class TestReceiver extends Steered {
  readonly next: FlowConsumer

  constructor(context: CreateContext, config: SteeredConfig, trace: Trace, next: FlowConsumer) {
    super(context, config, trace)
    this.next = next
    trace.receivers.set(context.id, this)
  }
}

/** An exporter that keeps what it gets; `gate` makes it wait. */
export class TestExporter extends Steered implements FlowConsumer {
  readonly batches: FlowBatch[] = []
  gate: Promise<void> | undefined
  readonly mutates: boolean
  readonly source: MetricSource = { families: () => [], producer: () => ({}) as never }

  constructor(context: CreateContext, config: SteeredConfig, trace: Trace) {
    super(context, config, trace)
    this.mutates = config.mutates
    trace.exporters.set(context.id, this)
  }

  consume(batch: FlowBatch): void | Promise<void> {
    if (this.config.fail_consume !== '') throw new Error(this.config.fail_consume)
    this.batches.push(batch)
    return this.gate
  }
}

class TestProcessor extends Steered implements FlowConsumer {
  readonly mutates: boolean
  #next: FlowConsumer

  constructor(context: CreateContext, config: SteeredConfig, trace: Trace, next: FlowConsumer) {
    super(context, config, trace)
    this.mutates = config.mutates
    this.#next = next
  }

  consume(batch: FlowBatch): void | Promise<void> {
    this.trace.note(`consume ${this.name}`)
    return this.#next.consume(batch)
  }
}

class TestExtension extends Steered {
  notify(event: 'ready' | 'not_ready'): void {
    this.trace.note(`${event} ${this.name}`)
  }
}

/** Components `in`, `step`, `out`, `bridge`, `watch` that tell `trace` what happens to them, and others for bad settings. */
export function testCatalog(trace: Trace = new Trace()): Catalog {
  const config: ConfigSpec<SteeredConfig> = { schema: STEERED }
  const entries: CatalogEntry[] = [
    {
      kind: 'receiver',
      type: 'in',
      load: async () => ({
        type: 'in',
        config,
        flows: async (context, settings: SteeredConfig, next) => new TestReceiver(context, settings, trace, next),
      }),
    },
    {
      kind: 'processor',
      type: 'step',
      load: async () => ({
        type: 'step',
        config,
        flows: async (context, settings: SteeredConfig, next) => new TestProcessor(context, settings, trace, next),
      }),
    },
    {
      kind: 'exporter',
      type: 'out',
      aliases: ['old_out'],
      load: async () => ({
        type: 'out',
        config,
        flows: async (context, settings: SteeredConfig) => new TestExporter(context, settings, trace),
        metrics: async (context, settings: SteeredConfig) => new TestExporter(context, settings, trace),
      }),
    },
    {
      kind: 'exporter',
      type: 'many',
      load: async () => ({
        type: 'many',
        config: MANY,
        metrics: async () => ({ start: async () => {}, shutdown: async () => {} }),
      }),
    },
    {
      kind: 'exporter',
      type: 'grpc',
      load: async () => ({
        type: 'grpc',
        config: { schema: grpcClientSchema },
        metrics: async () => ({ start: async () => {}, shutdown: async () => {} }),
      }),
    },
    {
      kind: 'connector',
      type: 'bridge',
      load: async () => ({
        type: 'bridge',
        config,
        flowsToMetrics: async (context, settings: SteeredConfig) => new TestExporter(context, settings, trace),
      }),
    },
    {
      kind: 'extension',
      type: 'watch',
      load: async () => ({
        type: 'watch',
        config,
        create: async (context, settings: SteeredConfig, host) => {
          trace.hosts.push(host)
          return new TestExtension(context, settings, trace)
        },
      }),
    },
  ]
  return new Catalog(entries)
}
