import type { Endpoint } from '../../flow/endpoint.ts'
import { explained, FilterError } from './filter-error.ts'
import type { FieldFilter, FilterContext, WorkloadFilter } from './flow-filter.ts'
import type { Selectors } from './label-selector.ts'

const UNDECIDED = 0
const NO = 1
const YES = 2

/** Rows at whose end `side` is an endpoint that passes `test`; each endpoint is tested once. */
export function onEnd(
  side: 'source' | 'destination',
  { ends }: FilterContext,
  test: (endpoint: Endpoint) => boolean,
): FieldFilter {
  let decided = new Uint8Array(64)
  let recycled = ends.table.recycled
  return (batch) => {
    if (recycled !== ends.table.recycled) decided.fill(UNDECIDED)
    recycled = ends.table.recycled
    if (decided.length < ends.table.size) decided = enlarged(decided, 2 * ends.table.size)
    return (row) => {
      const id = side === 'source' ? ends.source(batch, row) : ends.destination(batch, row)
      if (decided[id] === UNDECIDED) decided[id] = test(ends.table.get(id)) ? YES : NO
      return decided[id] === YES
    }
  }
}

function enlarged(decided: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(size)
  larger.set(decided)
  return larger
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
export function hasLabels(
  side: string,
  texts: readonly string[],
  { selectors: parser }: { selectors: Selectors },
): (endpoint: Endpoint) => boolean {
  const selectors = explained(`invalid ${side} label filter`, () => texts.map((text) => parser.parse(text)))
  return ({ labels }) => selectors.some((selects) => selects(labels))
}

/** `source_identity`, `destination_identity`: an end of which another observer says nothing has no identity, not even 0. */
export function identities(
  side: 'source' | 'destination',
  context: FilterContext,
  numbers: readonly number[],
): FieldFilter {
  const wanted = new Set(numbers)
  const filter = onEnd(side, context, ({ identity }) => wanted.has(identity))
  if (!wanted.has(0)) return filter
  return (batch, serial) => {
    const { foreign } = batch
    const matches = filter(batch, serial)
    return foreign === undefined ? matches : (row) => matches(row) && foreign.hasEnd(row, side)
  }
}

/** Tests of `source_workload`, `destination_workload`; an empty entry is any workload. */
export function hasWorkload(wanted: readonly WorkloadFilter[]): (endpoint: Endpoint) => boolean {
  return ({ workloads }) =>
    workloads.some(({ name, kind }) => wanted.some((w) => (!w.name || w.name === name) && (!w.kind || w.kind === kind)))
}

/** Tests of `source_cluster_name`, `destination_cluster_name`: equal, without patterns. */
export function inCluster(names: readonly string[]): (endpoint: Endpoint) => boolean {
  if (names.includes('')) throw new FilterError('invalid filter, name must not be empty')
  return ({ clusterName }) => names.includes(clusterName)
}
