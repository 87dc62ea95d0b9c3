import { readDocument } from './document.ts'
import { expand, type UnsetVariable } from './expand.ts'
import { merge } from './merge.ts'
import { ConfigError, type PlacedProblem } from './problem.ts'
import { REAL_SURROUNDINGS, readText, SCHEMES, type Surroundings } from './provider.ts'
import { isNull, type Source, type Tree } from './tree.ts'

/** What the command line says about the configuration. */
export interface Locations {
  /** `--config`: files, or URIs with the scheme `file`, `env` or `yaml`; merged in this order. */
  configs: readonly string[]
  /** `--set a.b.c=value`, laid over the configs in this order. */
  sets: readonly string[]
}

export interface LoadedTree {
  tree: Tree
  unset: readonly UnsetVariable[]
  /** Files among the configs, to be watched. */
  files: readonly string[]
}

/** Reads, merges and expands everything. @throws ConfigError with all problems of all documents */
export function loadTree(locations: Locations, surroundings: Surroundings = REAL_SURROUNDINGS): LoadedTree {
  if (locations.configs.length === 0) throw new Error('at least one config flag must be provided: --config FILE')
  const inputs = [...locations.configs.map(configInput), ...locations.sets.map(setInput)]
  const problems: PlacedProblem[] = []
  let merged: Tree | undefined
  inputs.forEach((input, order) => {
    const tree = readInput(input, { name: input.name, order }, surroundings, problems)
    if (tree !== undefined && !isNull(tree)) merged = merged === undefined ? tree : merge(merged, tree)
  })
  if (problems.length > 0) throw new ConfigError(problems)
  const place = { source: { name: inputs[0]?.name ?? '', order: 0 }, line: 1, column: 1 }
  if (merged === undefined) throw new ConfigError([{ path: [], message: 'empty configuration file', place }])
  const expanded = expand(merged, surroundings)
  if (expanded.problems.length > 0) throw new ConfigError(expanded.problems)
  const files = inputs.flatMap((input) => (input.from === 'file' ? [input.path] : []))
  return { tree: expanded.tree, unset: expanded.unset, files }
}

type Input =
  | { from: 'file'; name: string; path: string }
  | { from: 'env'; name: string; variable: string }
  | { from: 'text'; name: string; text: string }

/** @throws Error for a scheme that is not known */
function configInput(uri: string): Input {
  const match = /^([A-Za-z][A-Za-z0-9+.-]+):(.*)$/s.exec(uri)
  const [scheme, rest] = match === null ? ['file', uri] : [match[1] ?? '', match[2] ?? '']
  if (scheme === 'file') return { from: 'file', name: rest, path: rest }
  if (scheme === 'env') return { from: 'env', name: uri, variable: rest }
  if (scheme === 'yaml') return { from: 'text', name: 'yaml:', text: rest }
  throw new Error(`unsupported scheme on URI ${JSON.stringify(uri)} (valid schemes: ${SCHEMES.join(', ')})`)
}

/** Dots separate keys; a path written with `::` may hold dots in its keys. @throws Error without `=` */
function setInput(argument: string): Input {
  const cut = argument.indexOf('=')
  if (cut <= 0) throw new Error(`invalid argument ${JSON.stringify(argument)} for "--set" flag: missing equal sign`)
  const path = argument.slice(0, cut)
  const key = path.includes('::') ? path : path.replaceAll('.', '::')
  return { from: 'text', name: `--set ${path}`, text: `${JSON.stringify(key)}: ${argument.slice(cut + 1)}` }
}

function readInput(
  input: Input,
  source: Source,
  surroundings: Surroundings,
  problems: PlacedProblem[],
): Tree | undefined {
  try {
    const document = readDocument(inputText(input, surroundings), source)
    problems.push(...document.problems)
    return document.tree
  } catch (error) {
    problems.push({ path: [], message: `cannot retrieve the configuration: ${(error as Error).message}` })
    return undefined
  }
}

function inputText(input: Input, surroundings: Surroundings): string {
  if (input.from === 'text') return input.text
  if (input.from === 'file') return readText(input.path, surroundings)
  const text = surroundings.env[input.variable]
  if (text === undefined) throw new Error(`the environment variable ${JSON.stringify(input.variable)} is not set`)
  return text
}
