/** Walking convict schemas: a node with a `default` is a setting, everything else a section of them. */

export interface Setting {
  default: unknown
  format?: unknown
  doc?: string
  sensitive?: boolean
  /** Set by the presence of its section; see `optionalSection`. */
  presence?: boolean
}

export type SchemaSection = Readonly<Record<string, unknown>>

export function isSection(node: unknown): node is SchemaSection {
  return isObject(node) && Object.keys(node).length > 0 && !('default' in node)
}

/** The setting at a schema node; convict lets a bare value stand for a setting with that default. */
export function settingOf(node: unknown): Setting {
  return isObject(node) && 'default' in node ? (node as unknown as Setting) : { default: node }
}

/** Name of a setting's format as this project's formats know it; `''` for a function or a list of values. */
export function formatName({ format, default: value }: Setting): string {
  if (typeof format === 'string') return BUILT_IN_NAMES[format] ?? format
  if (typeof format === 'function') return BUILT_INS.get(format) ?? ''
  if (format !== undefined) return ''
  return Array.isArray(value) ? 'array' : typeof value
}

/** Paths of every setting below a section. */
export function* settingPaths(section: SchemaSection, path: readonly string[] = []): Generator<readonly string[]> {
  for (const [key, node] of Object.entries(section)) {
    if (isSection(node)) yield* settingPaths(node, [...path, key])
    else yield [...path, key]
  }
}

const BUILT_INS = new Map<unknown, string>([
  [String, 'string'],
  [Number, 'number'],
  [Boolean, 'boolean'],
  [Array, 'array'],
  [Object, 'object'],
])

const BUILT_IN_NAMES: Readonly<Record<string, string>> = {
  String: 'string',
  Number: 'number',
  Boolean: 'boolean',
  Array: 'array',
  Object: 'object',
}

function isObject(node: unknown): node is Record<string, unknown> {
  return typeof node === 'object' && node !== null && !Array.isArray(node)
}
