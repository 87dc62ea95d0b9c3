import { createHash } from 'node:crypto'
import type { Kind, PipelineView, Signal } from './component.ts'
import type { ComponentConfig, PipelineConfig, ResolvedConfig } from './config/resolved.ts'

/**
 * What a configuration asks for, before anything is made: one node for each instance, with what it feeds. Receivers,
 * exporters and connectors are shared by pipelines, processors are not.
 */

export interface PlanNode {
  /** Unique within a plan, the same over reloads: `processor/dns/flows/2`. */
  key: string
  kind: Kind
  component: ComponentConfig
  /** `undefined` for extensions. */
  signal: Signal | undefined
  pipelines: readonly string[]
  /**
   * Changes when the settings of the node or of anything it holds on to change. A running instance of the same signature
   * is kept over a reload.
   */
  signature: string
  /** Keys of the nodes that a processor or a receiver feeds: for each pipeline the list of its next nodes. */
  feeds: readonly (readonly string[])[]
  /** Keys of the nodes whose metrics an exporter reads. */
  reads: readonly string[]
}

/** All nodes, in the order in which they start. */
export interface Plan {
  nodes: readonly PlanNode[]
  pipelines: readonly PipelineView[]
}

/** @param base settings of the service that every component depends on: a change of them restarts all */
export function planGraph(config: ResolvedConfig, base: unknown): Plan {
  const planner = new Planner(config, base)
  const extensions = config.extensions.map((id) => planner.extension(id))
  const flows = config.pipelines.filter((pipeline) => pipeline.signal === 'flows')
  const metrics = config.pipelines.filter((pipeline) => pipeline.signal === 'metrics')
  const connectors = planner.shared(config.pipelines, 'exporters', 'connector')
  const flowExporters = planner.shared(flows, 'exporters', 'exporter')
  const processors = flows.flatMap((pipeline) => planner.processors(pipeline))
  const flowReceivers = planner.shared(flows, 'receivers', 'receiver')
  const metricReceivers = planner.shared(metrics, 'receivers', 'receiver')
  const metricExporters = planner.shared(metrics, 'exporters', 'exporter')
  return {
    nodes: [
      ...extensions,
      ...flowExporters,
      ...metricExporters,
      ...connectors,
      ...processors,
      ...metricReceivers,
      ...flowReceivers,
    ],
    pipelines: config.pipelines.map((pipeline) => ({ ...pipeline, mutates: false })),
  }
}

class Planner {
  #config: ResolvedConfig
  #base: string
  #signatures = new Map<string, string>()

  constructor(config: ResolvedConfig, base: unknown) {
    this.#config = config
    this.#base = JSON.stringify(base)
  }

  extension(id: string): PlanNode {
    return this.#node({ kind: 'extension', id, key: extensionKey(id), signal: undefined, pipelines: [] })
  }

  /** One node for each id that these pipelines name in that role and that is of that kind. */
  shared(pipelines: readonly PipelineConfig[], role: 'receivers' | 'exporters', kind: Kind): PlanNode[] {
    const ids = new Set(pipelines.flatMap((pipeline) => pipeline[role]))
    const nodes: PlanNode[] = []
    for (const id of ids) {
      if (!this.#config.components[kind].has(id)) continue
      const users = pipelines.filter((pipeline) => pipeline[role].includes(id))
      const signal = users[0]?.signal ?? 'flows'
      const uses =
        kind === 'connector'
          ? this.#config.pipelines.filter((p) => p.exporters.includes(id) || p.receivers.includes(id))
          : users
      nodes.push(
        this.#node({
          kind,
          id,
          key: kind === 'connector' ? connectorKey(id) : `${kind}/${id}/${signal}`,
          signal: kind === 'connector' ? 'flows' : signal,
          pipelines: uses.map((pipeline) => pipeline.id),
          feeds: kind === 'receiver' && signal === 'flows' ? users.map((pipeline) => this.#entry(pipeline)) : [],
          reads: kind === 'exporter' && signal === 'metrics' ? this.#sources(users) : [],
        }),
      )
    }
    return nodes
  }

  /** The processors of one pipeline, last one first: each is made with the next one in hand. */
  processors(pipeline: PipelineConfig): PlanNode[] {
    const nodes: PlanNode[] = []
    for (let i = pipeline.processors.length - 1; i >= 0; i--) {
      const id = pipeline.processors[i] ?? ''
      const next = pipeline.processors[i + 1]
      nodes.push(
        this.#node({
          kind: 'processor',
          id,
          key: processorKey(id, pipeline),
          signal: pipeline.signal,
          pipelines: [pipeline.id],
          feeds: [next === undefined ? this.#ends(pipeline) : [processorKey(next, pipeline)]],
        }),
      )
    }
    return nodes
  }

  #entry(pipeline: PipelineConfig): string[] {
    const [first] = pipeline.processors
    return first === undefined ? this.#ends(pipeline) : [processorKey(first, pipeline)]
  }

  #ends(pipeline: PipelineConfig): string[] {
    return pipeline.exporters.map((id) =>
      this.#config.components.connector.has(id) ? connectorKey(id) : `exporter/${id}/flows`,
    )
  }

  #sources(pipelines: readonly PipelineConfig[]): string[] {
    const ids = new Set(pipelines.flatMap((pipeline) => pipeline.receivers))
    return [...ids].map((id) =>
      this.#config.components.connector.has(id) ? connectorKey(id) : `receiver/${id}/metrics`,
    )
  }

  #node(part: NodePart): PlanNode {
    const component = this.#config.components[part.kind].get(part.id)
    if (component === undefined) throw new Error(`no ${part.kind} "${part.id}" in a checked configuration`)
    const { feeds = [], reads = [] } = part
    const uses = component.factory.config.extensions?.(component.config as never) ?? []
    const needs = uses.map(({ id }) => extensionKey(id))
    const below = [...feeds.flat(), ...reads, ...needs].map((key) => [key, this.#signatures.get(key)])
    const dependsOn = [this.#base, component.type, component.config, part.pipelines, below, feeds]
    const signature = createHash('sha256').update(JSON.stringify(dependsOn)).digest('hex')
    this.#signatures.set(part.key, signature)
    return {
      key: part.key,
      kind: part.kind,
      component,
      signal: part.signal,
      pipelines: part.pipelines,
      signature,
      feeds,
      reads,
    }
  }
}

type NodePart = Omit<PlanNode, 'component' | 'signature' | 'feeds' | 'reads'> & { id: string } & Partial<
    Pick<PlanNode, 'feeds' | 'reads'>
  >

function extensionKey(id: string): string {
  return `extension/${id}`
}

function connectorKey(id: string): string {
  return `connector/${id}`
}

function processorKey(id: string, pipeline: PipelineConfig): string {
  return `processor/${id}/${pipeline.id}`
}
