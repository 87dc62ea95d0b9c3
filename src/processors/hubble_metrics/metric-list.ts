import type { FlowFilter } from '../../hubble/filters/flow-filter.ts'
import { checkFilterLists, readFlowFilters } from '../../hubble/filters/read-json.ts'
import type { Problem } from '../../pipeline/component.ts'
import { CONTEXT_OPTIONS, readContexts } from './contexts/context-options.ts'
import { HANDLER_KINDS } from './handlers/kinds.ts'

/** One entry of `metrics`, whichever way it was written. */
export interface MetricEntry {
  name: string
  /** Option names in lower case. */
  options: Map<string, string[]>
  /** Most series of each of its families, when set for this metric alone. */
  limit: number | undefined
  /** Only flows that one of these matches count, when there are any. */
  include: FlowFilter[]
  /** Flows that one of these matches do not count. */
  exclude: FlowFilter[]
}

/** A metric as it was written, before anything is checked. */
interface Written {
  name: string
  options: Map<string, string[]>
  includeFilters: readonly unknown[]
  excludeFilters: readonly unknown[]
}

/** Something wrong below an entry. */
class WrittenError extends Error {
  override readonly name = 'WrittenError'
  readonly path: readonly string[]

  constructor(message: string, ...path: string[]) {
    super(message)
    this.path = path
  }
}

/** Our own option: series of each family of the metric. */
const LIMIT = 'cardinality_limit'

/**
 * Reads the list; what is wrong becomes a problem with its place. An entry is a text of metrics as Hubble's option
 * `hubble-metrics` has them (`dns:query;ignoreAAAA drop`), a map as in Hubble's dynamic configuration
 * (`{name, contextOptions: [{name, values}], includeFilters, excludeFilters}`), or a plain map (`{name: dns, query: true}`).
 */
export function readMetrics(list: readonly unknown[]): { entries: MetricEntry[]; problems: Problem[] } {
  const entries: MetricEntry[] = []
  const problems: Problem[] = []
  const names: string[] = []
  list.forEach((item, i) => {
    const path = ['metrics', String(i)]
    try {
      for (const written of readItem(item)) {
        checkName(written.name, names)
        names.push(written.name)
        const found = checkFilters(written, path)
        if (found.length === 0) entries.push(entryOf(written))
        else problems.push(...found)
      }
    } catch (error) {
      const below = error instanceof WrittenError ? error.path : []
      problems.push({ path: [...path, ...below], message: (error as Error).message })
    }
  })
  return { entries, problems }
}

function readItem(item: unknown): Written[] {
  if (typeof item === 'string') return item.split(/\s+/).filter(Boolean).map(fromLine)
  return [fromMap(item)]
}

/** `name[:option[=value];option=v1|v2]` */
function fromLine(text: string): Written {
  const colon = text.indexOf(':')
  const [name, rest] = colon < 0 ? [text, ''] : [text.slice(0, colon), text.slice(colon + 1)]
  const options = new Map<string, string[]>()
  for (const part of rest.split(';')) {
    if (part === '') continue
    const [option, ...value] = part.split('=')
    // As in Hubble, an option without `=` has one value, which is empty.
    options.set(option!.toLowerCase(), value.length === 0 ? [''] : splitValues(value.join('=')))
  }
  return { name, options, includeFilters: [], excludeFilters: [] }
}

/** Values are separated by `|` where there is one, else by `,`. */
function splitValues(text: string): string[] {
  return text.split(text.includes('|') ? '|' : ',').filter((value) => value !== '')
}

function fromMap(item: unknown): Written {
  if (!isMap(item)) throw new WrittenError('expected the name of a metric, or a map with "name"')
  const { name, contextOptions, includeFilters, excludeFilters, ...rest } = item
  if (typeof name !== 'string' || name === '') throw new WrittenError('"name" is missing')
  const options = readContextOptions(contextOptions ?? [])
  for (const [option, value] of Object.entries(rest)) {
    if (value !== false) setOnce(options, option, valuesOf(value), [option])
  }
  return {
    name,
    options,
    includeFilters: listOf(includeFilters, 'includeFilters'),
    excludeFilters: listOf(excludeFilters, 'excludeFilters'),
  }
}

/** `[{name: sourceContext, values: [pod]}]` */
function readContextOptions(written: unknown): Map<string, string[]> {
  const options = new Map<string, string[]>()
  listOf(written, 'contextOptions').forEach((item, i) => {
    const path = ['contextOptions', String(i)]
    if (!isMap(item) || typeof item.name !== 'string') throw new WrittenError('"name" is missing', ...path)
    const stray = Object.keys(item).find((key) => key !== 'name' && key !== 'values')
    if (stray !== undefined) throw new WrittenError('unknown key (valid keys: name, values)', ...path, stray)
    setOnce(options, item.name, listOf(item.values, ...path, 'values').map(String), path)
  })
  return options
}

function setOnce(options: Map<string, string[]>, name: string, values: string[], path: readonly string[]): void {
  const key = name.toLowerCase()
  if (options.has(key)) throw new WrittenError(`option "${name}" is given twice`, ...path)
  options.set(key, values)
}

/** `true` and nothing are an option alone, a text is written as in a line. */
function valuesOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.map(String)
  if (value === null || value === undefined) return ['']
  return typeof value === 'string' ? splitValues(value) : [String(value)]
}

function listOf(value: unknown, ...path: string[]): readonly unknown[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) throw new WrittenError('expected a list', ...path)
  return value
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** @throws WrittenError when no metric has this name, or when one of those before it stands in its way */
function checkName(name: string, others: readonly string[]): void {
  const kind = Object.hasOwn(HANDLER_KINDS, name) ? HANDLER_KINDS[name] : undefined
  if (name === 'kafka') {
    throw new WrittenError('metric "kafka" is not supported: Hubble has deprecated it; leave it out')
  }
  if (kind === undefined) {
    throw new WrittenError(`unknown metric "${name}" (valid values: [${Object.keys(HANDLER_KINDS).join(' ')}])`)
  }
  if (others.includes(name)) throw new WrittenError(`metric "${name}" is listed twice`)
  if (kind.conflict === undefined || !others.includes(kind.conflict)) return
  throw new WrittenError(`metric "${name}" conflicts with metric "${kind.conflict}": both make the same series`)
}

function checkFilters(written: Written, path: readonly string[]): Problem[] {
  const { includeFilters, excludeFilters } = written
  return checkFilterLists(includeFilters, excludeFilters, {
    include: [...path, 'includeFilters'],
    exclude: [...path, 'excludeFilters'],
  })
}

/** @throws Error when an option is wrong */
function entryOf({ name, options, includeFilters, excludeFilters }: Written): MetricEntry {
  const limit = takeLimit(options)
  const own = Object.keys(HANDLER_KINDS[name]!.options)
  for (const option of options.keys()) {
    if (own.includes(option) || Object.hasOwn(CONTEXT_OPTIONS, option)) continue
    const valid = [...own, LIMIT, ...Object.keys(CONTEXT_OPTIONS)]
    throw new WrittenError(`option "${option}" of metric "${name}" is unknown (valid values: [${valid.join(' ')}])`)
  }
  readContexts(options)
  return {
    name,
    options,
    limit,
    include: readFlowFilters(includeFilters),
    exclude: readFlowFilters(excludeFilters),
  }
}

/** The option {@link LIMIT}, which is not the handlers'. */
function takeLimit(options: Map<string, string[]>): number | undefined {
  const written = options.get(LIMIT)
  if (written === undefined) return undefined
  options.delete(LIMIT)
  const limit = Number(written[0])
  if (Number.isSafeInteger(limit) && limit > 0) return limit
  throw new WrittenError(`${LIMIT}: expected an integer greater than 0`)
}
