import { Ends } from '../../flow/ends.ts'
import type { Problem } from '../../pipeline/component.ts'
import { advice } from '../../pipeline/config/suggest.ts'
import { enumNumbers, type Field, messageFields } from '../definition.ts'
import { compileFilters } from './compile.ts'
import { FilterError } from './filter-error.ts'
import type { FlowFilter } from './flow-filter.ts'

/**
 * Reads a `flow.FlowFilter` written as YAML or JSON: fields by the names of the proto file or in protojson's camelCase,
 * enums by name or number, 64-bit integers also as text, numbers also where the API has text (`destination_port: [53]`).
 * `null` is a field that is not there. What does not fit is added to `problems`; what values say is checked by {@link checkFlowFilters}.
 * @param path place of the filter, for the problems
 */
export function readFlowFilter(value: unknown, path: readonly string[], problems: Problem[]): FlowFilter {
  return readMessage('flow.FlowFilter', value, path, problems)
}

/**
 * The filters of a list that {@link checkFlowFilters} finds right.
 * @throws FilterError with the place of the first problem
 */
export function readFlowFilters(list: readonly unknown[]): FlowFilter[] {
  const problems: Problem[] = []
  const filters = list.map((written, i) => readFlowFilter(written, [String(i)], problems))
  if (problems[0] === undefined) return filters
  throw new FilterError(`${problems[0].path.join('::')}: ${problems[0].message}`)
}

/** What is wrong with a list of written filters, their values included. @param path place of the list */
export function checkFlowFilters(list: readonly unknown[], path: readonly string[]): Problem[] {
  return list.flatMap((written, i) => checkFlowFilter(written, [...path, String(i)]))
}

/**
 * What is wrong with two lists that are compiled together: each filter by itself, and all of them against the limits they share.
 * @param paths places of the lists
 */
export function checkFilterLists(
  include: readonly unknown[],
  exclude: readonly unknown[],
  paths: { include: readonly string[]; exclude: readonly string[] },
): Problem[] {
  const problems = [...checkFlowFilters(include, paths.include), ...checkFlowFilters(exclude, paths.exclude)]
  if (problems.length > 0) return problems
  try {
    compileFilters(readFlowFilters(include), readFlowFilters(exclude), { ends: new Ends(), nodeName: '' })
    return []
  } catch (error) {
    return [{ path: paths.include, message: (error as Error).message }]
  }
}

function checkFlowFilter(written: unknown, path: readonly string[]): Problem[] {
  const problems: Problem[] = []
  const filter = readFlowFilter(written, path, problems)
  if (problems.length > 0) return problems
  try {
    compileFilters([filter], [], { ends: new Ends(), nodeName: '' })
    return []
  } catch (error) {
    return [{ path, message: (error as Error).message }]
  }
}

function readMessage(type: string, value: unknown, path: readonly string[], problems: Problem[]): object {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    problems.push({ path, message: 'expected a map of filter fields' })
    return {}
  }
  const fields = messageFields(type)
  const known = new Map(fields.flatMap((field) => [field.name, camelCase(field.name)].map((name) => [name, field])))
  const read: Record<string, unknown> = {}
  for (const [name, given] of Object.entries(value)) {
    const at = [...path, name]
    const field = known.get(name)
    if (field === undefined) {
      const names = fields.map((candidate) => candidate.name)
      problems.push({ path: at, message: `unknown filter field${advice(name, names, 'fields')}` })
    } else if (Object.hasOwn(read, field.name)) problems.push({ path: at, message: `${field.name} is given twice` })
    else if (given !== null) read[field.name] = readField(field, given, at, problems)
  }
  return read
}

/** protojson's name of a field. */
function camelCase(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
}

function readField(field: Field, given: unknown, path: readonly string[], problems: Problem[]): unknown {
  if (!field.repeated) return readValue(field, given, path, problems)
  if (!Array.isArray(given)) {
    problems.push({ path, message: `expected a list: [${JSON.stringify(given) ?? ''}]` })
    return []
  }
  return given.map((item, i) => readValue(field, item, [...path, String(i)], problems))
}

function readValue(field: Field, given: unknown, path: readonly string[], problems: Problem[]): unknown {
  const complain = (message: string) => void problems.push({ path, message })
  switch (field.type) {
    case 'TYPE_MESSAGE':
      return readMessage(messageName(field), given, path, problems)
    case 'TYPE_ENUM':
      return readEnum(`flow.${field.typeName}`, given, complain)
    case 'TYPE_BOOL':
      return typeof given === 'boolean' ? given : complain('expected true or false')
    case 'TYPE_STRING':
      if (typeof given === 'string' || typeof given === 'number') return String(given)
      return complain('expected a text')
    case 'TYPE_UINT64':
      return readUint64(given) ?? complain('expected an integer from 0 to 18446744073709551615')
    case 'TYPE_UINT32':
      return isInteger(given, 0, 0xffffffff) ? given : complain('expected an integer from 0 to 4294967295')
    default:
      return isInteger(given, -0x80000000, 0x7fffffff) ? given : complain('expected an integer')
  }
}

function messageName({ typeName }: Field): string {
  return typeName === 'Experimental' ? 'flow.FlowFilter.Experimental' : `flow.${typeName}`
}

function isInteger(given: unknown, least: number, most: number): boolean {
  return typeof given === 'number' && Number.isInteger(given) && given >= least && given <= most
}

function readUint64(given: unknown): bigint | undefined {
  const written = typeof given === 'string' && /^\d{1,20}$/.test(given)
  if (!written && !isInteger(given, 0, Number.MAX_SAFE_INTEGER)) return undefined
  const number = BigInt(given as string | number)
  return number < 1n << 64n ? number : undefined
}

function readEnum(type: string, given: unknown, complain: (message: string) => void): unknown {
  const numbers = enumNumbers(type)
  if (typeof given === 'string' && Object.hasOwn(numbers, given)) return numbers[given]
  if (typeof given === 'number' && Object.values(numbers).includes(given)) return given
  const names = Object.keys(numbers)
  complain(
    `unknown value ${JSON.stringify(given)}, ${names.length > 10 ? `see ${type}` : `one of ${names.join(', ')}`}`,
  )
  return undefined
}
