/**
 * A configuration document as a tree in which every value knows where it was written, through merging and expansion.
 */

/** A document: a file, a variable, a `--set`. */
export interface Source {
  /** As problems print it: `standalone.yaml`, `env:CONFIG`, `--set service.workers`. */
  name: string
  /** Position on the command line; problems are sorted by it. */
  order: number
}

/** Where something was written; lines and columns start at 1. */
export interface Place {
  source: Source
  line: number
  column: number
  /** The `${…}` a value came from: `env:LIST`. */
  via?: string
}

export type Scalar = {
  is: 'scalar'
  value: string | number | boolean | null
  /** As written: `0123` where `value` is 123. */
  text: string
  /** Whether it came whole from `${…}`: such a value takes the type its setting wants. */
  expanded: boolean
  place: Place
}

export type List = { is: 'list'; items: Tree[]; place: Place; text?: string }

export interface Entry {
  keyPlace: Place
  value: Tree
}

export type Section = { is: 'map'; entries: Map<string, Entry>; place: Place; text?: string }

export type Tree = Scalar | List | Section

/** `standalone.yaml:7:3`; sources that are no files have no lines worth telling. */
export function formatPlace({ source, line, column, via }: Place): string {
  const place = source.name.startsWith('--set ') ? source.name : `${source.name}:${line}:${column}`
  return via === undefined ? place : `${place}, from \${${via}}`
}

/** Order on the command line, then in the document. */
export function comparePlaces(a: Place, b: Place): number {
  return a.source.order - b.source.order || a.line - b.line || a.column - b.column
}

export function isNull(tree: Tree): boolean {
  return tree.is === 'scalar' && tree.value === null
}

/** What a problem calls the value: `a list`, `the number 5`. */
export function describe(tree: Tree): string {
  if (tree.is === 'list') return 'a list'
  if (tree.is === 'map') return 'a map'
  if (tree.value === null) return 'nothing'
  return `${typeof tree.value === 'string' ? 'the text' : `the ${typeof tree.value}`} ${JSON.stringify(tree.value)}`
}

/** What stands there, without its content. */
export function describeSecret(tree: Tree): string {
  return tree.is === 'scalar' && tree.value !== null ? `a ${typeof tree.value}` : describe(tree)
}

/** The value at `path`, else its nearest ancestor that was written. Lists are entered by index. */
export function nearest(tree: Tree, path: readonly string[]): Tree {
  const [key, ...rest] = path
  if (key === undefined) return tree
  const child =
    tree.is === 'map' ? tree.entries.get(key)?.value : tree.is === 'list' ? tree.items[Number(key)] : undefined
  return child === undefined ? tree : nearest(child, rest)
}

/** The tree as plain values: no places, scalars by their type. */
export function plainValue(tree: Tree): unknown {
  if (tree.is === 'scalar') return tree.value
  if (tree.is === 'list') return tree.items.map(plainValue)
  return Object.fromEntries([...tree.entries].map(([key, entry]) => [key, plainValue(entry.value)]))
}
