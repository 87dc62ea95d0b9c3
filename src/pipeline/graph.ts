import type { Logger } from 'pino'
import type { EndpointTable } from '../flow/endpoint.ts'
import type { MetricSource } from '../metrics/source.ts'
import type { Factories } from './catalog.ts'
import type { Component, CreateContext, FlowConsumer, Host, Status } from './component.ts'
import { type Branch, fanOut } from './fan-out.ts'
import { observeExporter, observeIncoming, observeOutgoing, observeReceiver } from './observe.ts'
import type { Plan, PlanNode } from './plan.ts'
import type { WorkerPool } from './pool.ts'
import { StatusTracker } from './status.ts'
import type { Telemetry } from './telemetry.ts'

/** What all components of a service share. */
export interface Surroundings {
  log: Logger
  telemetry: Telemetry
  pool: WorkerPool
  nodeName: string
  resource: Readonly<Record<string, string>>
  endpoints: EndpointTable
  host: Host
  /** A component reported a new status. */
  changed(node: BuiltNode): void
  extension(id: string): Component | undefined
}

/** A node of the plan with its instance. */
export interface BuiltNode {
  plan: PlanNode
  component: Component & { notify?(event: 'ready' | 'not_ready'): void }
  tracker: StatusTracker
  log: Logger
  /** Set for what takes flows; counts what goes in. */
  consumer: FlowConsumer | undefined
  /** Set for what metrics are read from. */
  source: MetricSource | undefined
}

/** Kinds in the order in which instances are made: what is held on to before what holds on to it. */
const MAKING: readonly ((node: PlanNode) => boolean)[] = [
  (node) => node.kind === 'connector',
  (node) => node.kind === 'receiver' && node.signal === 'metrics',
  (node) => node.kind === 'exporter',
  (node) => node.kind === 'processor',
  (node) => node.kind === 'receiver' && node.signal === 'flows',
  (node) => node.kind === 'extension',
]

/**
 * Makes the instances of a plan; nothing is started. Nodes in `kept` are taken as they are.
 * @returns all nodes by key, in start order
 * @throws Error that names the component; what was made before it is shut down
 */
export async function buildGraph(
  plan: Plan,
  kept: ReadonlyMap<string, BuiltNode>,
  surroundings: Surroundings,
): Promise<Map<string, BuiltNode>> {
  const built = new Map(kept)
  const fresh: BuiltNode[] = []
  for (const node of MAKING.flatMap((matches) => plan.nodes.filter(matches))) {
    if (built.has(node.key)) continue
    try {
      const made = await buildNode(node, built, surroundings)
      built.set(node.key, made)
      fresh.push(made)
    } catch (cause) {
      await Promise.allSettled(fresh.map((made) => made.component.shutdown(Date.now())))
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw new Error(`failed to create ${nodeName(node)}: ${reason}`, { cause })
    }
  }
  return new Map(plan.nodes.map((node) => [node.key, built.get(node.key)!]))
}

/** `"otlp_grpc/2" exporter`, as the Collector's messages name components. */
export function nodeName({ kind, component }: PlanNode): string {
  return `${JSON.stringify(component.id)} ${kind}`
}

async function buildNode(
  plan: PlanNode,
  built: ReadonlyMap<string, BuiltNode>,
  surroundings: Surroundings,
): Promise<BuiltNode> {
  const { id, kind } = plan.component
  const log = surroundings.log.child(logFields(plan))
  const view = { id, kind, pipelines: plan.pipelines }
  const tracker = new StatusTracker(view, () => surroundings.changed(node))
  const node: BuiltNode = { plan, component: IDLE, tracker, log, consumer: undefined, source: undefined }
  const context: CreateContext = {
    id,
    kind,
    log,
    telemetry: surroundings.telemetry,
    pool: surroundings.pool,
    nodeName: surroundings.nodeName,
    resource: surroundings.resource,
    endpoints: surroundings.endpoints,
    report: (status: Status) => tracker.report(status),
    extension: surroundings.extension,
  }
  await MAKE[kind](node, context, built, surroundings)
  return node
}

/** Stands in while an instance is being made. */
const IDLE: Component = { start: async () => {}, shutdown: async () => {} }

type Make = (
  node: BuiltNode,
  context: CreateContext,
  built: ReadonlyMap<string, BuiltNode>,
  surroundings: Surroundings,
) => Promise<void>

const MAKE: Readonly<Record<PlanNode['kind'], Make>> = {
  extension: async (node, context, _, { host }) => {
    const factory = node.plan.component.factory as Factories['extension']
    node.component = await factory.create(context, node.plan.component.config as never, host)
  },
  connector: async (node, context) => {
    const factory = node.plan.component.factory as Factories['connector']
    const connector = await factory.flowsToMetrics(context, node.plan.component.config as never)
    node.component = connector
    node.consumer = connector
    node.source = connector.source
  },
  exporter: async (node, context, built) => {
    const config = node.plan.component.config as never
    const factory = node.plan.component.factory as Factories['exporter']
    if (node.plan.signal === 'metrics') {
      const sources = node.plan.reads.map((key) => demand(built.get(key)?.source, key))
      node.component = await demand(factory.metrics, node.plan.key).call(factory, context, config, sources)
      return
    }
    const exporter = await demand(factory.flows, node.plan.key).call(factory, context, config)
    node.component = exporter
    node.consumer = factory.countsSent ? exporter : observeExporter(exporter, context.id, context.telemetry)
  },
  processor: async (node, context, built) => {
    const factory = node.plan.component.factory as Factories['processor']
    const next = fanOut(node.plan.feeds.flatMap((keys) => branches(keys, built)))
    const counted = observeOutgoing(next, context.id, context.telemetry)
    const processor = await factory.flows(context, node.plan.component.config as never, counted)
    node.component = processor
    const consumer = observeIncoming(processor, context.id, context.telemetry)
    // What comes after it works on the same batch: whoever feeds this pipeline must know.
    node.consumer = { mutates: processor.mutates || next.mutates, consume: (batch) => consumer.consume(batch) }
  },
  receiver: async (node, context, built) => {
    const config = node.plan.component.config as never
    const factory = node.plan.component.factory as Factories['receiver']
    if (node.plan.signal === 'metrics') {
      const receiver = await demand(factory.metrics, node.plan.key).call(factory, context, config)
      node.component = receiver
      node.source = receiver.source
      return
    }
    const entries = node.plan.feeds.map((keys, i) => ({
      name: `pipeline ${JSON.stringify(node.plan.pipelines[i])}`,
      consumer: fanOut(branches(keys, built)),
    }))
    const next = observeReceiver(fanOut(entries), context.id, context.telemetry, context.log)
    node.component = await demand(factory.flows, node.plan.key).call(factory, context, config, next)
  },
}

function branches(keys: readonly string[], built: ReadonlyMap<string, BuiltNode>): Branch[] {
  return keys.map((key) => {
    const { plan, consumer } = demand(built.get(key), key)
    const name = plan.kind === 'processor' ? '' : `${plan.kind} ${JSON.stringify(plan.component.id)}`
    return { name, consumer: demand(consumer, key) }
  })
}

/** A checked configuration leaves no gaps; a gap is a fault of the plan. */
function demand<T>(value: T | undefined, key: string): T {
  if (value === undefined) throw new Error(`the plan has no ${key} to connect to`)
  return value
}

function logFields({ kind, component, signal, pipelines }: PlanNode): Record<string, string> {
  return {
    'otelcol.component.id': component.id,
    'otelcol.component.kind': kind,
    ...(signal === undefined ? {} : { 'otelcol.signal': signal }),
    ...(kind === 'processor' ? { 'otelcol.pipeline.id': pipelines.join(' ') } : {}),
  }
}
