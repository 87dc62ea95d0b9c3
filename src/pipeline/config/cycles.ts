import type { ComponentId, Signal } from '../component.ts'
import type { PipelineConfig } from './resolved.ts'

/** One connector on a cycle: it leads from one pipeline into another. */
export interface CycleStep {
  connector: ComponentId
  from: Signal
  to: Signal
  fromPipeline: string
}

interface Edge extends CycleStep {
  toPipeline: string
}

/** Cycles that connectors make among pipelines, one for each pipeline where one closes. */
export function findCycles(pipelines: readonly PipelineConfig[], connectors: readonly ComponentId[]): CycleStep[][] {
  const edges = connectors.flatMap((connector) => edgesOf(connector, pipelines))
  const cycles: CycleStep[][] = []
  const done = new Set<string>()
  const visit = (pipeline: string, trail: readonly Edge[]): void => {
    const start = trail.findIndex((edge) => edge.fromPipeline === pipeline)
    if (start >= 0) cycles.push(trail.slice(start))
    if (start >= 0 || done.has(pipeline)) return
    for (const edge of edges) if (edge.fromPipeline === pipeline) visit(edge.toPipeline, [...trail, edge])
    done.add(pipeline)
  }
  for (const pipeline of pipelines) visit(pipeline.id, [])
  return cycles
}

function edgesOf(connector: ComponentId, pipelines: readonly PipelineConfig[]): Edge[] {
  const ends = pipelines.filter((pipeline) => pipeline.exporters.includes(connector))
  const starts = pipelines.filter((pipeline) => pipeline.receivers.includes(connector))
  return ends.flatMap((from) =>
    starts.map((to) => ({
      connector,
      from: from.signal,
      to: to.signal,
      fromPipeline: from.id,
      toPipeline: to.id,
    })),
  )
}
