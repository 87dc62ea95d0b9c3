import type { Columns } from '../../flow/columns.ts'
import type { FlowMask } from '../../flow/hubble-mask.ts'
import { flowMask } from '../../hubble/field-mask.ts'
import { compileFilters, type RowFilter, rowsAtATime } from '../../hubble/filters/compile.ts'
import type { FilterContext, FlowFilter } from '../../hubble/filters/flow-filter.ts'
import { checkTimestamp, type Timestamp } from '../../hubble/timestamp.ts'

/** `observer.GetFlowsRequest` as decoded. */
export interface GetFlowsRequest {
  number?: number
  first?: boolean
  follow?: boolean
  blacklist?: FlowFilter[]
  whitelist?: FlowFilter[]
  since?: Timestamp | null
  until?: Timestamp | null
  field_mask?: { paths?: string[] } | null
}

/** A request that cannot be answered whatever is in the ring. */
export class InvalidRequestError extends Error {
  override readonly name = 'InvalidRequestError'
}

/** A request, checked and compiled. */
export interface FlowQuery {
  /** Where reading begins. */
  start: { at: 'oldest' } | { at: 'newest' } | { at: 'last'; matches: number }
  /** Most flows of the answer. */
  limit: number
  follow: boolean
  /** Rows by whitelist and blacklist. */
  filter: RowFilter
  /** Rows to look at before others have their turn: what a client asks for may take long for each. */
  rowsPerStep: number
  since: Timestamp | undefined
  until: Timestamp | undefined
  /** What is wanted of each flow; undefined = all of it. */
  mask: FlowMask | undefined
}

/**
 * Turns a request into a query. `number` counts from the newest flow, unless `first` or `since` make it count from the
 * oldest; with `follow` it only says how far back to begin.
 * @throws InvalidRequestError, FilterError, TimestampError, FieldMaskError
 */
export function flowQuery(request: GetFlowsRequest, context: FilterContext): FlowQuery {
  const { number = 0, first = false, follow = false } = request
  if (first && follow) throw new InvalidRequestError('first cannot be specified with follow')
  // Of several mistakes Hubble tells the first, in this order.
  const filter = compileFilters(request.whitelist ?? [], request.blacklist ?? [], context)
  for (const time of [request.since, request.until]) if (time) checkTimestamp(time)
  const mask = flowMask(request.field_mask?.paths ?? [])
  return {
    start: startOf(request),
    limit: number === 0 || follow ? Number.POSITIVE_INFINITY : number,
    follow,
    filter,
    rowsPerStep: rowsAtATime([...(request.whitelist ?? []), ...(request.blacklist ?? [])]),
    since: request.since ?? undefined,
    until: request.until ?? undefined,
    mask,
  }
}

function startOf({ number = 0, first, follow, since }: GetFlowsRequest): FlowQuery['start'] {
  if (since || first) return { at: 'oldest' }
  if (number > 0) return { at: 'last', matches: number }
  return follow ? { at: 'newest' } : { at: 'oldest' }
}

/** Takes out of `rows` what is older than `since` or younger than `until`; both bounds stay in. */
export function keepRange(query: FlowQuery, columns: Columns, from: number, to: number, rows: Uint8Array): void {
  const { since, until } = query
  if (since !== undefined) {
    for (let row = from; row < to; row++) if (compareTime(columns, row, since) < 0) rows[row] = 0
  }
  if (until !== undefined) {
    for (let row = from; row < to; row++) if (compareTime(columns, row, until) > 0) rows[row] = 0
  }
}

/** Negative, 0 or positive as the row is older than, as old as or younger than `time`. */
export function compareTime({ timeSeconds, timeNanos }: Columns, row: number, time: Timestamp): number {
  return timeSeconds[row]! - (time.seconds ?? 0) || timeNanos[row]! - (time.nanos ?? 0)
}
