import type { Catalog, CatalogEntry } from '../catalog.ts'
import type { ComponentId, Kind } from '../component.ts'
import { decode } from './decode.ts'
import { parseId } from './ids.ts'
import { resolvePipelines } from './pipelines.ts'
import { ConfigError, type PlacedProblem } from './problem.ts'
import { checkLogExporter, checkReferences } from './references.ts'
import { type ComponentConfig, KINDS, type PipelineConfig, type ResolvedConfig, SECTIONS } from './resolved.ts'
import { type ServiceSettings, serviceSettingsSpec } from './service-settings.ts'
import { advice } from './suggest.ts'
import { describe, isNull, type Section, type Tree } from './tree.ts'

const TOP_KEYS = [...Object.values(SECTIONS), 'service']

/** Turns a document into checked settings. @throws ConfigError with everything that is wrong */
export async function resolveConfig(tree: Tree, catalog: Catalog): Promise<ResolvedConfig> {
  const problems: PlacedProblem[] = []
  const root = asSection(tree, [], problems)
  reportUnknown(root, TOP_KEYS, [], problems)
  const components = {} as Record<Kind, Map<ComponentId, ComponentConfig>>
  for (const kind of KINDS) components[kind] = await resolveComponents(kind, root, catalog, problems)
  if (isEmpty(root, 'receivers')) problems.push(missing(root, 'no receiver configuration specified in config'))
  if (isEmpty(root, 'exporters') && isEmpty(root, 'connectors')) {
    problems.push(missing(root, 'no exporter configuration specified in config'))
  }
  const { pipelines, extensions, service } = resolveService(root, problems)
  checkReferences(root, components, { pipelines, extensions }, problems)
  checkLogExporter(root, components, service.telemetry.logs.exporter, problems)
  if (problems.length > 0) throw new ConfigError(problems)
  return { components, pipelines, extensions, service }
}

async function resolveComponents(
  kind: Kind,
  root: Section,
  catalog: Catalog,
  problems: PlacedProblem[],
): Promise<Map<ComponentId, ComponentConfig>> {
  const resolved = new Map<ComponentId, ComponentConfig>()
  const section = root.entries.get(SECTIONS[kind])?.value
  if (section === undefined) return resolved
  for (const [text, { keyPlace, value }] of asSection(section, [SECTIONS[kind]], problems).entries) {
    try {
      const { id, type } = parseId(text)
      if (resolved.has(id)) throw new Error(`duplicate id ${JSON.stringify(id)} after trimming`)
      const component = await resolveComponent(findEntry(catalog, kind, type, id), id, type, value, problems)
      resolved.set(id, component)
    } catch (error) {
      problems.push({ path: [SECTIONS[kind]], message: (error as Error).message, place: keyPlace })
    }
  }
  return resolved
}

function findEntry(catalog: Catalog, kind: Kind, type: string, id: ComponentId): CatalogEntry {
  const entry = catalog.find(kind, type)
  if (entry !== undefined) return entry
  const other = KINDS.find((candidate) => catalog.find(candidate, type) !== undefined)
  const hint =
    other === undefined
      ? advice(type, catalog.types(kind), 'values')
      : `: it is one of the ${SECTIONS[other]}, write it below "${SECTIONS[other]}"`
  throw new Error(`unknown type: ${JSON.stringify(type)} for id: ${JSON.stringify(id)}${hint}`)
}

async function resolveComponent(
  entry: CatalogEntry,
  id: ComponentId,
  type: string,
  tree: Tree,
  problems: PlacedProblem[],
): Promise<ComponentConfig> {
  const factory = await entry.load()
  const decoded = decode(factory.config, tree, [SECTIONS[entry.kind], id])
  problems.push(...decoded.problems)
  const alias = type === entry.type ? undefined : type
  return { id, kind: entry.kind, type: entry.type, entry, factory, config: decoded.config, tree, alias }
}

function resolveService(
  root: Section,
  problems: PlacedProblem[],
): { pipelines: PipelineConfig[]; extensions: ComponentId[]; service: ServiceSettings } {
  const tree = root.entries.get('service')?.value ?? root
  const section = tree === root ? { ...root, entries: new Map() } : asSection(tree, ['service'], problems)
  const { pipelines, extensions } = resolvePipelines(section, problems)
  const rest = new Map(section.entries)
  rest.delete('pipelines')
  rest.delete('extensions')
  const decoded = decode(serviceSettingsSpec, { ...section, entries: rest }, ['service'])
  problems.push(...decoded.problems)
  return { pipelines, extensions, service: decoded.config as ServiceSettings }
}

/** An absent section (null) is an empty one. */
function asSection(tree: Tree, path: readonly string[], problems: PlacedProblem[]): Section {
  if (tree.is === 'map') return tree
  if (!isNull(tree)) problems.push({ path, message: `expected a map, got ${describe(tree)}`, place: tree.place })
  return { is: 'map', entries: new Map(), place: tree.place }
}

function reportUnknown(
  section: Section,
  keys: readonly string[],
  path: readonly string[],
  problems: PlacedProblem[],
): void {
  for (const [key, { keyPlace }] of section.entries) {
    if (keys.includes(key)) continue
    problems.push({ path, message: `unknown key ${JSON.stringify(key)}${advice(key, keys, 'keys')}`, place: keyPlace })
  }
}

function isEmpty(root: Section, key: string): boolean {
  const section = root.entries.get(key)?.value
  return section === undefined || isNull(section) || (section.is === 'map' && section.entries.size === 0)
}

function missing(root: Section, message: string): PlacedProblem {
  return { path: [], message, place: root.place }
}
