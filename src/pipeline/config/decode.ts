import convict from 'convict'
import type { ConfigSpec } from '../component.ts'
import { type NamedValue, registerFormats } from '../formats.ts'
import { prepare } from './prepare.ts'
import type { PlacedProblem } from './problem.ts'
import { formatName, isSection, type SchemaSection, settingOf } from './schema.ts'
import { nearest, type Tree } from './tree.ts'

registerFormats()

export interface Decoded {
  /** Defaults filled in. Meaningless when there are problems. */
  config: unknown
  problems: PlacedProblem[]
}

/**
 * A component's settings from what the user wrote, through one convict instance of its own.
 * @param path of the component, before the path of each problem: `['receivers', 'ebpf/x']`
 */
export function decode(spec: ConfigSpec<never>, tree: Tree, path: readonly string[]): Decoded {
  const schema = spec.schema as SchemaSection
  const { raw, problems } = prepare(schema, tree, path)
  // No command line and no variables of its own: `${env:…}` is the one way in.
  const instance = convict(schema as convict.Schema<unknown>, { env: {}, args: [] })
  instance.load(raw)
  const found = [...problems, ...convictProblems(instance, tree, path)]
  const config = finished(schema, instance.getProperties() as Record<string, unknown>)
  if (found.length > 0) return { config, problems: found }
  const checks = spec.check?.(config as never) ?? []
  return { config, problems: checks.map((problem) => placed(tree, path, problem.path, problem.message)) }
}

/** Every setting at its default, as a component without a body has it. */
export function defaultsOf(schema: object): Record<string, unknown> {
  const instance = convict(schema as convict.Schema<unknown>, { env: {}, args: [] })
  return finished(schema as SchemaSection, instance.getProperties() as Record<string, unknown>)
}

/** convict tells all problems in one message, a line each: `tls.min_version: must be …: value was "1.9"`. */
function convictProblems(instance: convict.Config<unknown>, tree: Tree, path: readonly string[]): PlacedProblem[] {
  try {
    instance.validate({ allowed: 'strict' })
    return []
  } catch (error) {
    return (error as Error).message.split('\n').map((line) => {
      const match = /^([\w.-]+): (.*?)(?:: value was (.*))?$/.exec(line)
      if (match === null) return placed(tree, path, [], line)
      const [, name = '', message = '', value] = match
      return placed(tree, path, name.split('.'), withValue(readable(message), value))
    })
  }
}

function withValue(message: string, value: string | undefined): string {
  return value === undefined || message.includes(value) ? message : `${message}, got ${value}`
}

/** convict's own messages in this language's words. */
function readable(message: string): string {
  const values = /^must be one of the possible values: (\[.*\])$/.exec(message)?.[1]
  if (values !== undefined) return `must be one of ${(JSON.parse(values) as string[]).join(', ')}`
  const type = /^(?:must| should) be of type (\w+)$/.exec(message)?.[1]
  return type === undefined ? message : (EXPECTED[type] ?? message)
}

const EXPECTED: Readonly<Record<string, string>> = {
  String: 'expected a string',
  Number: 'expected a number',
  Boolean: 'expected true or false',
  Array: 'expected a list',
}

function placed(tree: Tree, path: readonly string[], below: readonly string[], message: string): PlacedProblem {
  return { path: [...path, ...below], message, place: nearest(tree, below).place }
}

/** Maps went through convict as lists; code gets them as maps. */
function finished(section: SchemaSection, values: Record<string, unknown>): Record<string, unknown> {
  for (const [key, node] of Object.entries(section)) {
    if (isSection(node)) finished(node, values[key] as Record<string, unknown>)
    else values[key] = finishedValue(formatName(settingOf(node)), values[key])
  }
  return values
}

function finishedValue(format: string, value: unknown): unknown {
  if (!Array.isArray(value)) return value
  if (format === 'object') return value[0]
  if (!format.endsWith('string-map')) return value
  return Object.fromEntries((value as NamedValue[]).map((entry) => [entry.name, entry.value]))
}
