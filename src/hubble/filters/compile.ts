import type { FlowBatch } from '../../flow/batch.ts'
import { CelSteps } from './cel-cost.ts'
import { FIELDS } from './fields.ts'
import type { CompileContext, FieldFilter, FilterContext, FlowFilter } from './flow-filter.ts'
import { checkHttpFields } from './http.ts'
import { Selectors } from './label-selector.ts'
import { Regexps } from './regexps.ts'

/**
 * Sets `out[row]` to 1 for every row from `from` up to `to` that passes, else to 0.
 * @param out at least `to` bytes @param serial number of the batch, for filters by UUID
 */
export type RowFilter = (batch: FlowBatch, from: number, to: number, out: Uint8Array, serial?: number) => void

/**
 * Compiles lists of filters: a flow passes when the whitelist is empty or one of its filters matches, and none of the
 * blacklist does. Within a filter all fields must match, within a field any value.
 * @throws FilterError in Hubble's words when a filter is malformed
 */
export function compileFilters(
  whitelist: readonly FlowFilter[],
  blacklist: readonly FlowFilter[],
  context: FilterContext,
): RowFilter {
  const shared = { ...context, regexps: new Regexps(), selectors: new Selectors(), celSteps: new CelSteps() }
  const allow = whitelist.map((filter) => compileFilter(filter, shared))
  const deny = blacklist.map((filter) => compileFilter(filter, shared))
  let matched = new Uint8Array(1024)
  return (batch, from, to, out, serial = 0) => {
    context.ends.refresh()
    if (matched.length < to) matched = new Uint8Array(2 * to)
    out.fill(allow.length === 0 ? 1 : 0, from, to)
    for (const fields of allow) {
      match(fields, batch, serial, matched.fill(1, from, to).subarray(0, to), from)
      for (let row = from; row < to; row++) out[row]! |= matched[row]!
    }
    for (const fields of deny) {
      // Only what is still in needs to be looked at.
      matched.set(out.subarray(from, to), from)
      match(fields, batch, serial, matched.subarray(0, to), from)
      for (let row = from; row < to; row++) out[row]! &= ~matched[row]!
    }
  }
}

/** Rows that are tested at a time, and values times rows: some milliseconds, however many a client asks for. */
const MOST_ROWS = 1_024
const LEAST_ROWS = 32
const TESTS = 32_768

/** How many rows may be tested at a time with all these filters, without holding up others for long. */
export function rowsAtATime(filters: readonly FlowFilter[]): number {
  if (filters.some(isSlow)) return LEAST_ROWS
  const values = filters.reduce((sum, filter) => sum + Object.values(filter).flat().length, filters.length)
  return Math.min(MOST_ROWS, Math.max(LEAST_ROWS, Math.floor(TESTS / values)))
}

/** Whether the test of one row may take milliseconds, within the limits of expressions. */
function isSlow({ dns_query, http_path, http_url, experimental }: FlowFilter): boolean {
  return [dns_query, http_path, http_url, experimental].some(isSet)
}

/** Leaves in `rows` what all fields match. */
function match(fields: readonly FieldFilter[], batch: FlowBatch, serial: number, rows: Uint8Array, from: number): void {
  for (const field of fields) {
    const test = field(batch, serial)
    for (let row = from; row < rows.length; row++) if (rows[row] !== 0 && !test(row)) rows[row] = 0
  }
}

function compileFilter(filter: FlowFilter, context: CompileContext): FieldFilter[] {
  checkHttpFields(filter)
  const names = Object.keys(FIELDS) as (keyof FlowFilter)[]
  return names.filter((name) => isSet(filter[name])).map((name) => compileField(name, filter[name], context))
}

/** Lists take part when they are not empty; `experimental` when anything in it is set. */
function isSet(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0
  return typeof value === 'object' && value !== null && Object.values(value).some(isSet)
}

function compileField(name: keyof FlowFilter, values: unknown, context: CompileContext): FieldFilter {
  const compile = FIELDS[name] as (values: unknown, context: CompileContext) => FieldFilter
  return compile(values, context)
}
