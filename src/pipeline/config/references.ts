import type { ComponentId, Kind, Signal } from '../component.ts'
import { findCycles } from './cycles.ts'
import type { Role } from './pipelines.ts'
import type { PlacedProblem } from './problem.ts'
import { type ComponentConfig, KINDS, type PipelineConfig, SECTIONS } from './resolved.ts'
import { nearestWord } from './suggest.ts'
import { nearest, type Place, type Section } from './tree.ts'

type Components = Readonly<Record<Kind, ReadonlyMap<ComponentId, ComponentConfig>>>

interface Context {
  root: Section
  components: Components
  pipelines: readonly PipelineConfig[]
  /** Those that run. */
  extensions: readonly ComponentId[]
  problems: PlacedProblem[]
}

const ROLE_KINDS: Readonly<Record<Role, readonly Kind[]>> = {
  receivers: ['receiver', 'connector'],
  processors: ['processor'],
  exporters: ['exporter', 'connector'],
}

/** The type of exporter that the own log can go through. */
const LOG_EXPORTER = 'otlp_grpc'

/** Whether everything that `service` names is configured, takes the signal, and is used on both sides if a connector. */
export function checkReferences(
  root: Section,
  components: Components,
  { pipelines, extensions }: Pick<Context, 'pipelines' | 'extensions'>,
  problems: PlacedProblem[],
): void {
  const context = { root, components, pipelines, extensions, problems }
  checkExtensions(context)
  for (const kind of KINDS) for (const component of components[kind].values()) checkUses(context, component)
  for (const pipeline of pipelines) {
    for (const role of ['receivers', 'processors', 'exporters'] as const) {
      for (const id of pipeline[role]) checkReference(context, pipeline, role, id)
    }
  }
  const cyclic = reportCycles(context)
  for (const connector of components.connector.keys()) if (!cyclic.has(connector)) checkConnector(context, connector)
}

/** Whether `service::telemetry::logs::exporter` is one whose backend can take the log. @param id `''` = none is named */
export function checkLogExporter(
  root: Section,
  components: Components,
  id: ComponentId,
  problems: PlacedProblem[],
): void {
  if (id === '') return
  const path = ['service', 'telemetry', 'logs', 'exporter']
  const { place } = nearest(root, path)
  const known = components.exporter.get(id)
  const able = [...components.exporter.values()].filter(({ type }) => type === LOG_EXPORTER).map((one) => one.id)
  if (known === undefined) {
    if (isConfigured(root, 'exporter', id)) return
    problems.push({
      path,
      message: `references exporter "${id}" which is not configured${suggestion(id, able)}`,
      place,
    })
  } else if (known.type !== LOG_EXPORTER) {
    problems.push({ path, message: `must name an ${LOG_EXPORTER} exporter, "${id}" is of type ${known.type}`, place })
  }
}

function checkExtensions({ root, components, problems }: Context): void {
  const path = ['service', 'extensions']
  const tree = nearest(root, path)
  if (tree.is !== 'list') return
  for (const item of tree.items) {
    const id = item.is === 'scalar' ? String(item.value) : ''
    if (id === '' || isConfigured(root, 'extension', id)) continue
    const hint = suggestion(id, components.extension.keys())
    problems.push({ path, message: `references extension "${id}" which is not configured${hint}`, place: item.place })
  }
}

/** What a component's settings say of extensions. Whether they run matters only where the component does. */
function checkUses({ root, components, pipelines, extensions, problems }: Context, component: ComponentConfig): void {
  const { kind, id, factory, config } = component
  const isUsed = pipelines.some(({ receivers, processors, exporters }) =>
    [...receivers, ...processors, ...exporters].includes(id),
  )
  for (const use of factory.config.extensions?.(config as never) ?? []) {
    const path = [SECTIONS[kind], id, ...use.path]
    const { place } = nearest(root, path)
    if (!isConfigured(root, 'extension', use.id)) {
      const hint = suggestion(use.id, components.extension.keys())
      problems.push({ path, message: `references extension "${use.id}" which is not configured${hint}`, place })
    } else if (isUsed && !extensions.includes(use.id)) {
      const message = `references extension "${use.id}" which does not run: add it to service::extensions`
      problems.push({ path, message, place })
    }
  }
}

function checkReference(context: Context, pipeline: PipelineConfig, role: Role, id: ComponentId): void {
  const kinds = ROLE_KINDS[role]
  const noun = role.slice(0, -1)
  const path = ['service', 'pipelines', pipeline.id]
  const place = placeOf(context.root, [...path, role], id)
  const component = kinds.map((kind) => context.components[kind].get(id)).find((found) => found !== undefined)
  if (component === undefined) {
    // A component whose own section is wrong was reported there.
    if (kinds.some((kind) => isConfigured(context.root, kind, id))) return
    const known = kinds.flatMap((kind) => [...context.components[kind].keys()])
    const message = `references ${noun} "${id}" which is not configured${suggestion(id, known)}`
    context.problems.push({ path, message, place })
  } else if (component.kind !== 'connector' && !signalsOf(component).includes(pipeline.signal)) {
    const signals = signalsOf(component).join(', ')
    const message = `${component.kind} "${id}" does not take the signal ${pipeline.signal} (it takes: ${signals})`
    context.problems.push({ path, message, place })
  }
}

/** Signals of a receiver, processor or exporter. */
function signalsOf({ factory }: ComponentConfig): Signal[] {
  return (['flows', 'metrics'] as const).filter((signal) => signal in factory)
}

/** A connector ends pipelines of flows and starts pipelines of metrics; it needs both ends. */
function checkConnector({ root, pipelines, problems }: Context, id: ComponentId): void {
  const ends = pipelines.filter((pipeline) => pipeline.exporters.includes(id))
  const starts = pipelines.filter((pipeline) => pipeline.receivers.includes(id))
  if (ends.some(isFlows) && !starts.some(isMetrics)) {
    const message = `connector "${id}" used as exporter in [${names(ends)}] pipeline but not used in any supported receiver pipeline (metrics)`
    problems.push({ path: [SECTIONS.connector, id], message, place: referencePlace(root, ends, 'exporters', id) })
  }
  if (starts.some(isMetrics) && !ends.some(isFlows)) {
    const message = `connector "${id}" used as receiver in [${names(starts)}] pipeline but not used in any supported exporter pipeline (flows)`
    problems.push({ path: [SECTIONS.connector, id], message, place: referencePlace(root, starts, 'receivers', id) })
  }
  const wrongEnds = ends.filter((pipeline) => !isFlows(pipeline))
  const wrongStarts = starts.filter((pipeline) => !isMetrics(pipeline))
  for (const [wrong, role, does] of [
    [wrongEnds, 'exporters', 'takes flows'],
    [wrongStarts, 'receivers', 'gives metrics'],
  ] as const) {
    for (const pipeline of wrong) {
      const path = ['service', 'pipelines', pipeline.id]
      const message = `connector "${id}" ${does}, it cannot be one of the ${role} of a ${pipeline.signal} pipeline`
      problems.push({ path, message, place: placeOf(root, [...path, role], id) })
    }
  }
}

function reportCycles({ root, components, pipelines, problems }: Context): ReadonlySet<ComponentId> {
  const cycles = findCycles(pipelines, [...components.connector.keys()])
  for (const cycle of cycles) {
    const steps = cycle.map((step) => `connector "${step.connector}" (${step.from} to ${step.to})`)
    const first = cycle[0]
    if (first === undefined) continue
    const place = placeOf(root, ['service', 'pipelines', first.fromPipeline, 'exporters'], first.connector)
    const message = `cycle detected: ${[...steps, steps[0]].join(' -> ')}`
    problems.push({ path: ['service', 'pipelines'], message, place })
  }
  return new Set(cycles.flat().map((step) => step.connector))
}

function isFlows(pipeline: PipelineConfig): boolean {
  return pipeline.signal === 'flows'
}

function isMetrics(pipeline: PipelineConfig): boolean {
  return pipeline.signal === 'metrics'
}

function names(pipelines: readonly PipelineConfig[]): string {
  return pipelines.map((pipeline) => pipeline.id).join(' ')
}

function isConfigured(root: Section, kind: Kind, id: ComponentId): boolean {
  const section = root.entries.get(SECTIONS[kind])?.value
  return (
    section?.is === 'map' &&
    [...section.entries.keys()].some((key) => key.replaceAll(' ', '') === id.replaceAll(' ', ''))
  )
}

function referencePlace(root: Section, pipelines: readonly PipelineConfig[], role: Role, id: ComponentId): Place {
  return placeOf(root, ['service', 'pipelines', pipelines[0]?.id ?? '', role], id)
}

function placeOf(root: Section, path: readonly string[], id: ComponentId): Place {
  const list = nearest(root, path)
  const item =
    list.is === 'list'
      ? list.items.find((found) => found.is === 'scalar' && String(found.value).trim() === id)
      : undefined
  return (item ?? list).place
}

function suggestion(id: ComponentId, known: Iterable<ComponentId>): string {
  const near = nearestWord(id, known)
  return near === undefined ? '' : `, did you mean ${JSON.stringify(near)}?`
}
