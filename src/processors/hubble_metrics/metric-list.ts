import type { Problem } from '../../pipeline/component.ts'
import { HANDLER_KINDS } from './handlers/kinds.ts'

/** One entry of `metrics`, whichever way it was written. */
export interface MetricEntry {
  name: string
  /** Option names in lower case. */
  options: Map<string, string[]>
  /** Most series of each of its families, when set for this metric alone. */
  limit: number | undefined
}

/** Options of Hubble that every metric takes there. */
const CONTEXTS = /^(source|destination|sourceegress|sourceingress|destinationegress|destinationingress|labels)context$/

/** Our own option: series of each family of the metric. */
const LIMIT = 'cardinality_limit'

/** Reads the list; what is wrong becomes a problem with its place. Takes Hubble's `name:option=value;…` and maps `{name, …}`. */
export function readMetrics(list: readonly unknown[]): { entries: MetricEntry[]; problems: Problem[] } {
  const entries: MetricEntry[] = []
  const problems: Problem[] = []
  list.forEach((item, i) => {
    const path = ['metrics', String(i)]
    try {
      const entry = typeof item === 'string' ? fromLine(item) : fromMap(item)
      if (entries.some((other) => other.name === entry.name)) throw new Error(`metric "${entry.name}" is listed twice`)
      checkOptions(entry)
      entries.push(entry)
    } catch (error) {
      problems.push({ path, message: (error as Error).message })
    }
  })
  return { entries, problems }
}

/** `name[:option[=value];option=v1|v2]`; values are separated by `|` where there is one, else by `,`. */
function fromLine(text: string): MetricEntry {
  const [name, ...rest] = text.trim().split(':')
  const options = new Map<string, string[]>()
  for (const part of rest.join(':').split(';')) {
    if (part.trim() === '') continue
    const [option, ...value] = part.split('=')
    options.set(option!.trim().toLowerCase(), splitValues(value.join('=')))
  }
  return made(name!, options)
}

function splitValues(text: string): string[] {
  return text.split(text.includes('|') ? '|' : ',').filter((value) => value !== '')
}

/** `{name: dns, query: true, ignoreAAAA: false, cardinality_limit: 500}`; `false` is the same as leaving an option out. */
function fromMap(item: unknown): MetricEntry {
  if (typeof item !== 'object' || item === null || Array.isArray(item)) {
    throw new Error('expected the name of a metric, or a map with "name"')
  }
  const { name, ...rest } = item as Record<string, unknown>
  if (typeof name !== 'string') throw new Error('"name" is missing')
  const options = new Map<string, string[]>()
  for (const [option, value] of Object.entries(rest)) {
    if (value === false) continue
    const values = Array.isArray(value) ? value : value === true || value === null ? [] : [value]
    options.set(option.toLowerCase(), values.map(String))
  }
  return made(name, options)
}

function made(name: string, options: Map<string, string[]>): MetricEntry {
  const written = options.get(LIMIT)
  options.delete(LIMIT)
  if (written === undefined) return { name, options, limit: undefined }
  const limit = Number(written[0])
  if (!Number.isSafeInteger(limit) || limit <= 0) throw new Error(`${LIMIT}: expected an integer greater than 0`)
  return { name, options, limit }
}

function checkOptions({ name, options }: MetricEntry): void {
  const names = Object.keys(HANDLER_KINDS)
  if (!names.includes(name)) throw new Error(`unknown metric "${name}" (valid values: [${names.join(' ')}])`)
  const known = Object.keys(HANDLER_KINDS[name]!.options)
  for (const option of options.keys()) {
    if (known.includes(option)) continue
    const reason = CONTEXTS.test(option) ? 'is not supported: series carry no contexts yet' : 'is unknown'
    throw new Error(`option "${option}" of metric "${name}" ${reason} (valid values: [${[...known, LIMIT].join(' ')}])`)
  }
}
