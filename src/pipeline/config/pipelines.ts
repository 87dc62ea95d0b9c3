import type { ComponentId, Signal } from '../component.ts'
import { parseId } from './ids.ts'
import type { PlacedProblem } from './problem.ts'
import type { PipelineConfig } from './resolved.ts'
import { advice } from './suggest.ts'
import { describe, isNull, type Section, type Tree } from './tree.ts'

/** `service::pipelines` and `service::extensions`: their shape; whether what they name exists is checked apart. */

const SIGNALS: readonly Signal[] = ['flows', 'metrics']
const ROLES = ['receivers', 'processors', 'exporters'] as const

export type Role = (typeof ROLES)[number]

/** The pipelines and extensions that a `service` section names. */
export function resolvePipelines(
  service: Section,
  problems: PlacedProblem[],
): { pipelines: PipelineConfig[]; extensions: ComponentId[] } {
  const path = ['service', 'pipelines']
  const tree = service.entries.get('pipelines')?.value
  const extensionTree = service.entries.get('extensions')?.value
  const extensions = extensionTree === undefined ? [] : idList(extensionTree, ['service', 'extensions'], problems)
  const pipelines: PipelineConfig[] = []
  if (tree === undefined || isNull(tree) || (tree.is === 'map' && tree.entries.size === 0)) {
    const place = tree?.place ?? service.place
    problems.push({ path, message: 'service must have at least one pipeline', place })
  } else if (tree.is !== 'map') {
    problems.push({ path, message: `expected a map of pipelines, got ${describe(tree)}`, place: tree.place })
  } else {
    for (const [text, { keyPlace, value }] of tree.entries) {
      try {
        pipelines.push(pipeline(text, value, problems))
      } catch (error) {
        problems.push({ path, message: (error as Error).message, place: keyPlace })
      }
    }
  }
  return { pipelines, extensions }
}

/** @throws Error for a bad id */
function pipeline(text: string, tree: Tree, problems: PlacedProblem[]): PipelineConfig {
  const { id, type } = parseId(text)
  const signal = SIGNALS.find((known) => known === type)
  if (signal === undefined) {
    const hint = advice(type, SIGNALS, 'signals')
    throw new Error(`in ${JSON.stringify(text)} id: unknown pipeline signal: ${JSON.stringify(type)}${hint}`)
  }
  const path = ['service', 'pipelines', id]
  const lists: Record<Role, ComponentId[]> = { receivers: [], processors: [], exporters: [] }
  if (tree.is !== 'map' && !isNull(tree)) {
    problems.push({ path, message: `expected a map of ${ROLES.join(', ')}, got ${describe(tree)}`, place: tree.place })
    return { id, signal, ...lists }
  }
  for (const [key, { keyPlace, value }] of tree.is === 'map' ? tree.entries : []) {
    const role = ROLES.find((known) => known === key)
    if (role === undefined) {
      const message = `unknown key ${JSON.stringify(key)}${advice(key, ROLES, 'keys')}`
      problems.push({ path, message, place: keyPlace })
    } else {
      lists[role] = idList(value, [...path, role], problems, role === 'processors')
    }
  }
  for (const [role, noun] of [
    ['receivers', 'receiver'],
    ['exporters', 'exporter'],
  ] as const) {
    const written = tree.is === 'map' ? tree.entries.get(role)?.value : undefined
    if (lists[role].length > 0 || (written?.is === 'list' && written.items.length > 0)) continue
    if (written !== undefined && written.is !== 'list' && !isNull(written)) continue
    problems.push({ path, message: `must have at least one ${noun}`, place: written?.place ?? tree.place })
  }
  return { id, signal, ...lists }
}

/** Ids in order, each once; what is no id is reported. */
function idList(tree: Tree, path: readonly string[], problems: PlacedProblem[], ordered = false): ComponentId[] {
  const ids = new Set<ComponentId>()
  if (isNull(tree)) return []
  if (tree.is !== 'list') {
    problems.push({ path, message: `expected a list of ids, got ${describe(tree)}`, place: tree.place })
    return []
  }
  for (const item of tree.items) {
    try {
      if (item.is !== 'scalar' || typeof item.value !== 'string')
        throw new Error(`expected an id, got ${describe(item)}`)
      const { id } = parseId(item.value)
      if (ordered && ids.has(id)) throw new Error(`references processor ${JSON.stringify(id)} multiple times`)
      ids.add(id)
    } catch (error) {
      problems.push({ path: ordered ? path.slice(0, -1) : path, message: (error as Error).message, place: item.place })
    }
  }
  return [...ids]
}
