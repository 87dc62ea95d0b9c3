import { TEXT_FORMATS, TYPED_FORMATS } from '../formats.ts'
import type { PlacedProblem } from './problem.ts'
import { formatName, isSection, type SchemaSection, type Setting, settingOf, settingPaths } from './schema.ts'
import { advice, nearestWord } from './suggest.ts'
import { describe, describeSecret, isNull, plainValue, type Scalar, type Section, type Tree } from './tree.ts'

export interface Prepared {
  /** What convict loads: known keys only, no nulls, maps as lists of entries. */
  raw: Record<string, unknown>
  problems: PlacedProblem[]
}

/**
 * Brings what the user wrote into the shape convict understands, and finds what it would not see or would tell badly:
 * unknown keys, a map where a value belongs, a value where a section belongs.
 */
export function prepare(schema: SchemaSection, tree: Tree, path: readonly string[]): Prepared {
  const problems: PlacedProblem[] = []
  return { raw: prepareSection(schema, tree, path, { root: schema, problems }), problems }
}

interface Context {
  root: SchemaSection
  problems: PlacedProblem[]
}

function prepareSection(
  schema: SchemaSection,
  tree: Tree,
  path: readonly string[],
  context: Context,
): Record<string, unknown> {
  const raw: Record<string, unknown> = {}
  const presence = Object.entries(schema).find(([, node]) => settingOf(node).presence)
  if (presence !== undefined) raw[presence[0]] = true
  if (isNull(tree)) return raw
  if (tree.is !== 'map') {
    context.problems.push({ path, message: `expected a map of settings, got ${describe(tree)}`, place: tree.place })
    return raw
  }
  for (const [key, { keyPlace, value }] of tree.entries) {
    const node = Object.hasOwn(schema, key) ? schema[key] : undefined
    if (node === undefined) {
      const message = `unknown key ${JSON.stringify(key)}${keyAdvice(key, schema, context.root)}`
      context.problems.push({ path, message, place: keyPlace })
    } else if (isSection(node)) {
      raw[key] = prepareSection(node, value, [...path, key], context)
    } else if (!isNull(value) || isEmptyText(value, settingOf(node))) {
      const prepared = prepareValue(settingOf(node), value, [...path, key], context)
      if (prepared !== undefined) raw[key] = prepared
    }
  }
  return raw
}

/** An empty variable is an empty text where text is wanted, elsewhere as good as not written. */
function isEmptyText(tree: Tree, setting: Setting): boolean {
  const format = formatName(setting)
  const isText = !TYPED_FORMATS.has(format) && !TEXT_FORMATS.has(format)
  return isText && shapeOf(format) === 'value' && tree.is === 'scalar' && tree.expanded
}

/** The near key of this section, else the same key at another place. */
function keyAdvice(key: string, section: SchemaSection, root: SchemaSection): string {
  const keys = Object.keys(section)
  if (nearestWord(key, keys) === undefined) {
    const elsewhere = [...settingPaths(root)].find((path) => path.at(-1) === key)
    if (elsewhere !== undefined) return `, did you mean "${elsewhere.join('::')}"?`
  }
  return advice(key, keys, 'keys')
}

function prepareValue(setting: Setting, tree: Tree, path: readonly string[], context: Context): unknown {
  const format = formatName(setting)
  const value = shaped(shapeOf(format), format, tree)
  if (value === undefined) {
    const got = setting.sensitive ? describeSecret(tree) : describe(tree)
    context.problems.push({ path, message: `expected ${noun(format)}, got ${got}`, place: tree.place })
  }
  return value
}

/** What a setting takes; `any` is left to a format of the component's own. */
type Shape = 'value' | 'list' | 'map' | 'entries' | 'any'

function shapeOf(format: string): Shape {
  if (format === '') return 'any'
  if (format === 'object') return 'map'
  if (format.endsWith('string-map')) return 'entries'
  return format === 'array' || format.endsWith('-list') ? 'list' : 'value'
}

/** The value for convict; `undefined` when the tree does not have the shape. */
function shaped(shape: Shape, format: string, tree: Tree): unknown {
  if (tree.is === 'scalar') return shape === 'value' || shape === 'any' ? scalarValue(format, tree) : undefined
  // A whole list or map from `${…}` is text where text is wanted.
  if (shape === 'value') return tree.text
  if (tree.is === 'list')
    return shape === 'map' ? undefined : tree.items.map(shape === 'entries' ? entryValue : plainValue)
  if (shape === 'entries') return mapEntries(tree)
  // Boxed: convict would walk into the map and take a dot in a key for a path.
  return shape === 'map' ? [plainValue(tree)] : undefined
}

function scalarValue(format: string, scalar: Scalar): unknown {
  if (TEXT_FORMATS.has(format)) return scalar.text
  return scalar.expanded && !TYPED_FORMATS.has(format) ? scalar.text : scalar.value
}

function noun(format: string): string {
  if (format === 'object' || format.endsWith('string-map')) return 'a map'
  if (format === 'array' || format.endsWith('-list')) return 'a list'
  return NOUNS[format] ?? 'a string'
}

const NOUNS: Readonly<Record<string, string>> = {
  boolean: 'true or false',
  number: 'a number',
  int: 'an integer',
  nat: 'an integer',
  'positive-int': 'an integer',
  port: 'a port',
  percentage: 'a percentage',
  duration: 'a duration',
  'positive-duration': 'a duration',
}

function mapEntries(section: Section): unknown[] {
  return [...section.entries].map(([name, { value }]) => ({ name, value: textValue(value) }))
}

/** An item `{name: …, value: …}` of a map written as a list. */
function entryValue(tree: Tree): unknown {
  if (tree.is !== 'map') return plainValue(tree)
  return Object.fromEntries([...tree.entries].map(([key, { value }]) => [key, textValue(value)]))
}

/** Values of string maps are text; a number from `${…}` is the text it was written as. */
function textValue(tree: Tree): unknown {
  return tree.is === 'scalar' && tree.expanded ? tree.text : plainValue(tree)
}
