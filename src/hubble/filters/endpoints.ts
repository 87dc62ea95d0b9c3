import type { Endpoint } from '../../flow/endpoint.ts'
import { type FieldFilter, type FilterContext, FilterError, type WorkloadFilter } from './flow-filter.ts'
import { parseSelector } from './label-selector.ts'

const UNDECIDED = 0
const NO = 1
const YES = 2

/** Rows at whose end `side` is an endpoint that passes `test`; each endpoint is tested once for each batch. */
export function onEnd(
  side: 'source' | 'destination',
  { ends }: FilterContext,
  test: (endpoint: Endpoint) => boolean,
): FieldFilter {
  let decided = new Uint8Array(64)
  return (batch) => {
    if (decided.length < ends.table.size) decided = new Uint8Array(2 * ends.table.size)
    else decided.fill(UNDECIDED, 0, ends.table.size)
    return (row) => {
      const id = side === 'source' ? ends.source(batch, row) : ends.destination(batch, row)
      if (decided[id] === UNDECIDED) decided[id] = test(ends.table.get(id)) ? YES : NO
      return decided[id] === YES
    }
  }
}

/** `name` (in the namespace default), `namespace/`, `namespace/name` or `/name`; the name is a prefix. */
interface NamePattern {
  namespace: string
  prefix: string
}

function parseNames(texts: readonly string[]): NamePattern[] {
  return texts.map((text) => {
    if (text === '') throw new FilterError('invalid filter, name must not be empty')
    const [first, second] = text.split('/')
    return second === undefined ? { namespace: 'default', prefix: first! } : { namespace: first!, prefix: second }
  })
}

function matchesName(patterns: readonly NamePattern[], namespace: string, name: string): boolean {
  if (namespace === '' && name === '') return false
  return patterns.some(
    (pattern) => name.startsWith(pattern.prefix) && (pattern.namespace === '' || pattern.namespace === namespace),
  )
}

/** Tests of `source_pod`, `destination_pod`. */
export function inNamespace(texts: readonly string[]): (endpoint: Endpoint) => boolean {
  const patterns = parseNames(texts)
  return ({ namespace, podName }) => matchesName(patterns, namespace, podName)
}

/** Tests of `source_service`, `destination_service`. */
export function hasService(side: string, texts: readonly string[]): (endpoint: Endpoint) => boolean {
  const patterns = explained(`invalid ${side} service filter`, () => parseNames(texts))
  return ({ service }) => service !== undefined && matchesName(patterns, service.namespace, service.name)
}

/** Tests of `source_label`, `destination_label`: any of the selectors. */
export function hasLabels(side: string, texts: readonly string[]): (endpoint: Endpoint) => boolean {
  const selectors = explained(`invalid ${side} label filter`, () => texts.map(parseSelector))
  return ({ labels }) => selectors.some((selects) => selects(labels))
}

/** Tests of `source_workload`, `destination_workload`; an empty entry is any workload. */
export function hasWorkload(wanted: readonly WorkloadFilter[]): (endpoint: Endpoint) => boolean {
  return ({ workloads }) =>
    workloads.some(({ name, kind }) => wanted.some((w) => (!w.name || w.name === name) && (!w.kind || w.kind === kind)))
}

function explained<T>(what: string, parse: () => T): T {
  try {
    return parse()
  } catch (cause) {
    throw new FilterError(`${what}: ${(cause as Error).message}`, { cause })
  }
}
