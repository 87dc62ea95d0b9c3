import { RE2JS } from 're2js'
import { L7Protocol } from '../../flow/l7.ts'
import { type FieldFilter, type FilterContext, FilterError } from './flow-filter.ts'
import { parseSelector } from './label-selector.ts'

/** What an empty part of a node pattern stands for. */
const ANY_NAME = '(?:[-0-9_a-z]+(?:\\.[-0-9_a-z]+)*)'

const UNDECIDED = 0
const NO = 1
const YES = 2

/** Rows one of whose DNS names matches one of the patterns (`*` = any run of letters, digits, `-` and `.`). */
export function dnsNames(column: 'sourceNames' | 'destinationNames', patterns: readonly string[]): FieldFilter {
  const regexp = anchored(patterns.map(namePattern))
  return ({ columns, strings }) => {
    const names = columns[column]
    const decided = new Uint8Array(strings.length)
    return (row) => {
      const at = names[row]!
      if (at === 0) return false
      // Few texts, many rows: each text of the batch is tried once.
      if (decided[at] === UNDECIDED)
        decided[at] = strings[at]!.split(',').some((name) => regexp.testExact(name)) ? YES : NO
      return decided[at] === YES
    }
  }
}

/** Rows whose DNS query contains a match of one of the regular expressions (Go's syntax). */
export function dnsQueries(patterns: readonly string[]): FieldFilter {
  const regexps = patterns.map((pattern) => {
    try {
      return RE2JS.compile(pattern)
    } catch (cause) {
      const reason = (cause as Error).message
      throw new FilterError(`invalid DNS query filter: failed to compile regexp: ${reason}`, { cause })
    }
  })
  return (batch) => (row) => {
    const l7 = batch.columns.l7[row]!
    if (l7 === 0 || batch.l7.columns.protocol[l7 - 1] !== L7Protocol.DNS) return false
    const query = batch.l7.query(l7 - 1)
    return regexps.some((regexp) => regexp.test(query))
  }
}

/** All rows or none: every flow is of this node. Patterns are `node` or `cluster/node`. */
export function nodeNames(patterns: readonly string[], { nodeName }: FilterContext): FieldFilter {
  const regexp = anchored(patterns.map(nodePattern))
  const full = nodeName.includes('/') ? nodeName : `default/${nodeName}`
  const matches = nodeName !== '' && regexp.testExact(full)
  return () => () => matches
}

/** All rows or none: labels of the node are those of all its flows. */
export function nodeLabels(texts: readonly string[], { ends }: FilterContext): FieldFilter {
  const selectors = texts.map((text) => parseNodeSelector(text))
  return () => {
    const { nodeLabels: labels } = ends.table.cluster
    const matches = selectors.some((selects) => selects(labels))
    return () => matches
  }
}

function parseNodeSelector(text: string) {
  try {
    return parseSelector(text)
  } catch (cause) {
    throw new FilterError(`invalid node label filter: ${(cause as Error).message}`, { cause })
  }
}

function anchored(sources: readonly string[]): RE2JS {
  return RE2JS.compile(sources.map((source) => `(?:${source})`).join('|'))
}

function nodePattern(text: string): string {
  if (text === '') throw new FilterError('empty pattern')
  const parts = text.split('/')
  if (parts.length > 2) throw new FilterError('too many slashes in pattern')
  const [cluster, node] = parts.length === 1 ? ['', parts[0]!] : [parts[0]!, parts[1]!]
  return [cluster, node].map((part) => (part === '' ? ANY_NAME : namePattern(part))).join('/')
}

/** The regular expression of a name pattern. @throws FilterError in Hubble's words */
function namePattern(text: string): string {
  const pattern = text.trim().replace(/\.$/, '').toLowerCase()
  if (pattern === '') throw new FilterError('empty pattern')
  if (pattern.endsWith('.')) throw new FilterError('multiple trailing dots in pattern')
  return Array.from(pattern, (rune) => {
    if (rune === '*') return '[-.0-9a-z]*'
    if (!/^[-._0-9a-z]$/.test(rune)) throw new FilterError(`'${rune}': invalid rune in pattern`)
    return rune === '.' ? '\\.' : rune
  }).join('')
}
