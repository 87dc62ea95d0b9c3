import { L7Protocol } from '../../flow/l7.ts'
import { explained, FilterError } from './filter-error.ts'
import type { CompileContext, FieldFilter, FilterContext } from './flow-filter.ts'
import type { LabelTest } from './label-selector.ts'
import { type Regexps, remembered } from './regexps.ts'

/** What an empty part of a node pattern stands for. */
const ANY_NAME = '(?:[-0-9_a-z]+(?:\\.[-0-9_a-z]+)*)'

const UNDECIDED = 0
const NO = 1
const YES = 2

/** Rows one of whose DNS names matches one of the patterns (`*` = any run of letters, digits, `-` and `.`). */
export function dnsNames(
  column: 'sourceNames' | 'destinationNames',
  patterns: readonly string[],
  regexps: Regexps,
): FieldFilter {
  const matches = anyName(patterns.map(namePattern), regexps)
  let of: readonly string[] = []
  let decided = new Uint8Array(0)
  return ({ columns, strings }) => {
    // Few texts, many rows: each text of a batch is tried once.
    if (of !== strings || decided.length < strings.length) decided = new Uint8Array(strings.length)
    of = strings
    const names = columns[column]
    return (row) => {
      const at = names[row]!
      if (at === 0) return false
      if (decided[at] === UNDECIDED) decided[at] = strings[at]!.split(',').some(matches) ? YES : NO
      return decided[at] === YES
    }
  }
}

/** Rows whose DNS query contains a match of one of the regular expressions (Go's syntax). */
export function dnsQueries(patterns: readonly string[], regexps: Regexps): FieldFilter {
  const tests = explained('invalid DNS query filter: failed to compile regexp', () =>
    patterns.map((pattern) => regexps.compile(pattern)),
  )
  const matches = remembered((query) => tests.some((test) => test(query)))
  return ({ columns: { l7 }, l7: table }) => {
    const { protocol } = table.columns
    return (row) => l7[row] !== 0 && protocol[l7[row]! - 1] === L7Protocol.DNS && matches(table.query(l7[row]! - 1))
  }
}

/** Rows by the node that saw them, for flows of this one all or none. Patterns are `node` or `cluster/node`. */
export function nodeNames(
  patterns: readonly string[],
  { nodeName, regexps }: FilterContext & { regexps: Regexps },
): FieldFilter {
  const matchesFull = anyName(patterns.map(nodePattern), regexps)
  const matches = remembered((name) => name !== '' && matchesFull(name.includes('/') ? name : `default/${name}`))
  return ({ foreign }) => {
    if (foreign !== undefined) return (row) => matches(foreign.nodeName(row))
    const here = matches(nodeName)
    return () => here
  }
}

/** Rows by the labels of the node that saw them, for flows of this one all or none. */
export function nodeLabels(texts: readonly string[], { ends, selectors: parser }: CompileContext): FieldFilter {
  const selectors = explained('invalid node label filter', () => texts.map((text) => parser.parse(text)))
  const matches: LabelTest = (labels) => selectors.some((selects) => selects(labels))
  return ({ foreign }) => {
    if (foreign !== undefined) return (row) => matches(foreign.nodeLabels(row))
    const here = matches(ends.table.cluster.nodeLabels)
    return () => here
  }
}

/** A name as it must be, or the regular expression of many. */
type NamePattern = { name: string } | { regexp: string }

function anyName(patterns: readonly NamePattern[], regexps: Regexps): (name: string) => boolean {
  const names = new Set(patterns.flatMap((pattern) => ('name' in pattern ? pattern.name : [])))
  const sources = patterns.flatMap((pattern) => ('regexp' in pattern ? pattern.regexp : []))
  if (sources.length === 0) return (name) => names.has(name)
  const matches = regexps.compileExact(sources)
  return (name) => names.has(name) || matches(name)
}

function nodePattern(text: string): NamePattern {
  if (text === '') throw new FilterError('empty pattern')
  const parts = text.split('/')
  if (parts.length > 2) throw new FilterError('too many slashes in pattern')
  const [cluster, node] = parts.length === 1 ? ['', parts[0]!] : [parts[0]!, parts[1]!]
  const both = [cluster, node].map((part) => (part === '' ? { regexp: ANY_NAME } : namePattern(part)))
  if (both.every((part) => 'name' in part)) return { name: both.map(({ name }) => name).join('/') }
  return { regexp: both.map((part) => ('name' in part ? part.name.replaceAll('.', '\\.') : part.regexp)).join('/') }
}

/** @throws FilterError in Hubble's words */
function namePattern(text: string): NamePattern {
  const pattern = text.trim().replace(/\.$/, '').toLowerCase()
  if (pattern === '') throw new FilterError('empty pattern')
  if (pattern.endsWith('.')) throw new FilterError('multiple trailing dots in pattern')
  const stranger = /[^-._0-9a-z*]/u.exec(pattern)?.[0]
  if (stranger !== undefined) throw new FilterError(`'${stranger}': invalid rune in pattern`)
  if (!pattern.includes('*')) return { name: pattern }
  return { regexp: pattern.replaceAll('.', '\\.').replaceAll('*', '[-.0-9a-z]*') }
}
