import { resolve } from 'node:path'
import { flowMask } from '../../hubble/field-mask.ts'
import { checkFilterLists, readFlowFilters } from '../../hubble/filters/read-json.ts'
import type { ConfigSpec, Problem } from '../../pipeline/component.ts'
import { decode } from '../../pipeline/config/decode.ts'
import { readDocument } from '../../pipeline/config/document.ts'
import { ConfigError, type PlacedProblem } from '../../pipeline/config/problem.ts'
import { isNull, type Place, type Tree } from '../../pipeline/config/tree.ts'
import type { FlowLogSettings } from './flow-log.ts'
import { aggregateKey, checkFields } from './log-fields.ts'
import { STDOUT } from './open-output.ts'

/** Most flow logs of one file: each has a queue and an open file. */
const MAX_LOGS = 64

/** One entry of `flowLogs`, in the words of Hubble's dynamic exporter. */
interface WrittenLog {
  name: string
  filePath: string
  fieldMask: string[]
  fieldAggregate: string[]
  /** Milliseconds. */
  aggregationInterval: number
  includeFilters: unknown[]
  excludeFilters: unknown[]
  /** 0 = the default. */
  fileMaxSizeMb: number
  fileMaxBackups: number
  fileCompress: boolean
  /** RFC 3339; `''` = never. */
  end: string
}

const writtenLog: ConfigSpec<WrittenLog> = {
  schema: {
    name: { format: String, default: '' },
    filePath: { format: String, default: '' },
    fieldMask: { format: 'string-list', default: [] },
    fieldAggregate: { format: 'string-list', default: [] },
    aggregationInterval: { format: 'duration', default: '0s' },
    includeFilters: { format: 'array', default: [] },
    excludeFilters: { format: 'array', default: [] },
    fileMaxSizeMb: { format: 'nat', default: 0 },
    fileMaxBackups: { format: 'nat', default: 0 },
    fileCompress: { format: Boolean, default: false },
    end: { format: String, default: '' },
  },
  check: checkLog,
}

/** What a flow log takes over from the exporter where its own file cannot say it. */
export interface LogDefaults {
  maxMegabytes: number
  maxBackups: number
  maxDays: number
  mode: number
  createDirectory: boolean
}

/** A flow log that is wanted. */
export interface DesiredLog {
  name: string
  settings: FlowLogSettings
  /** The same for entries that mean the same. */
  key: string
}

/** Reads the YAML that describes flow logs. @param source what problems call it @throws ConfigError with every problem and its place */
export function readFlowLogs(text: string, source: string, defaults: LogDefaults): DesiredLog[] {
  const { tree, problems } = readDocument(text, { name: source, order: 0 })
  if (tree === undefined || problems.length > 0) throw new ConfigError(problems)
  const found: PlacedProblem[] = []
  const logs = items(tree, found).map((item, i) => ({ item, log: readLog(item, i, found) }))
  for (const name of ['name', 'filePath'] as const) reportTwice(name, logs, found)
  if (found.length > 0) throw new ConfigError(found)
  return logs.map(({ log }) => ({ name: log.name, settings: settingsOf(log, defaults), key: keyOf(log) }))
}

function items(tree: Tree, problems: PlacedProblem[]): readonly Tree[] {
  if (isNull(tree)) return []
  const complain = (message: string, place: Place, path: string[] = []) => void problems.push({ path, message, place })
  if (tree.is !== 'map') {
    complain('expected a map with the key flowLogs', tree.place)
    return []
  }
  for (const [key, { keyPlace }] of tree.entries) {
    if (key !== 'flowLogs') complain(`unknown key ${JSON.stringify(key)} (valid keys: flowLogs)`, keyPlace)
  }
  const list = tree.entries.get('flowLogs')?.value
  if (list === undefined || isNull(list)) return []
  if (list.is !== 'list') {
    complain('expected a list', list.place, ['flowLogs'])
    return []
  }
  if (list.items.length > MAX_LOGS) complain(`at most ${MAX_LOGS} flow logs`, list.place, ['flowLogs'])
  return list.items.slice(0, MAX_LOGS)
}

function readLog(item: Tree, index: number, problems: PlacedProblem[]): WrittenLog {
  const decoded = decode(writtenLog, item, ['flowLogs', String(index)])
  problems.push(...decoded.problems)
  return decoded.config as WrittenLog
}

function checkLog(log: WrittenLog): Problem[] {
  const problems: Problem[] = []
  for (const name of ['name', 'filePath'] as const) {
    if (log[name] === '') problems.push({ path: [name], message: `${name} is required` })
  }
  if (log.end !== '' && endMs(log.end) === undefined) {
    problems.push({ path: ['end'], message: `expected a time such as "2026-12-31T23:59:59Z", got "${log.end}"` })
  }
  return [
    ...problems,
    ...checkFields(log.fieldMask, ['fieldMask']),
    ...checkFields(log.fieldAggregate, ['fieldAggregate']),
    ...checkFilterLists(log.includeFilters, log.excludeFilters, {
      include: ['includeFilters'],
      exclude: ['excludeFilters'],
    }),
  ]
}

function reportTwice(
  name: 'name' | 'filePath',
  logs: readonly { item: Tree; log: WrittenLog }[],
  problems: PlacedProblem[],
): void {
  const seen = new Set<string>()
  logs.forEach(({ item, log }, i) => {
    const value = log[name]
    const message = `${name} ${JSON.stringify(value)} stands twice`
    if (value !== '' && seen.has(value))
      problems.push({ path: ['flowLogs', String(i), name], message, place: item.place })
    seen.add(value)
  })
}

/** Unix milliseconds of an RFC 3339 time; undefined when it is none. */
function endMs(text: string): number | undefined {
  if (!/^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/.test(text)) return undefined
  const ms = Date.parse(text)
  return Number.isNaN(ms) ? undefined : ms
}

function settingsOf(log: WrittenLog, defaults: LogDefaults): FlowLogSettings {
  return {
    allow: readFlowFilters(log.includeFilters),
    deny: readFlowFilters(log.excludeFilters),
    mask: flowMask(log.fieldMask),
    aggregate: aggregateKey(log.fieldAggregate, log.aggregationInterval),
    aggregationIntervalMs: log.aggregationInterval,
    endMs: endMs(log.end),
    file: {
      path: log.filePath === STDOUT ? STDOUT : resolve(log.filePath),
      maxBytes: (log.fileMaxSizeMb || defaults.maxMegabytes) * 1024 * 1024,
      maxBackups: log.fileMaxBackups || defaults.maxBackups,
      maxDays: defaults.maxDays,
      compress: log.fileCompress,
      mode: defaults.mode,
      createDirectory: defaults.createDirectory,
    },
  }
}

/** The order of fields and of filters says nothing. */
function keyOf(log: WrittenLog): string {
  const sorted = (list: readonly unknown[]) => list.map((item) => JSON.stringify(item)).sort()
  const { fieldMask, fieldAggregate, includeFilters, excludeFilters, end, ...rest } = log
  const lists = [fieldMask, fieldAggregate, includeFilters, excludeFilters].map(sorted)
  return JSON.stringify([rest, lists, endMs(end)])
}
