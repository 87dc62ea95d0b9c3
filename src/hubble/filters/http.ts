import type { FlowBatch } from '../../flow/batch.ts'
import { EventType } from '../../flow/enums.ts'
import { L7Protocol, type L7Table } from '../../flow/l7.ts'
import { explained, FilterError } from './filter-error.ts'
import type { FieldFilter, FlowFilter, HttpHeaderFilter } from './flow-filter.ts'
import { type Regexps, remembered } from './regexps.ts'
import { requestPath } from './request-path.ts'

/** Filters by what HTTP rows say. */

/** What errors call the fields. */
const FIELDS = {
  http_status_code: 'status code',
  http_method: 'method',
  http_path: 'path',
  http_url: 'url',
  http_header: 'headers',
} as const

/** @throws FilterError when a filter asks for HTTP and for event types of which none is L7 */
export function checkHttpFields(filter: FlowFilter): void {
  const types = filter.event_type ?? []
  if (types.length === 0 || types.some(({ type }) => type === EventType.L7)) return
  for (const [name, words] of Object.entries(FIELDS)) {
    if ((filter[name as keyof typeof FIELDS] ?? []).length > 0)
      throw new FilterError(`filtering by http ${words} requires the event type filter to only match 'l7' events`)
  }
}

/** Rows of responses with one of the codes: `404`, or what codes begin with, `5+`, `40+`. */
export function httpStatusCodes(values: readonly string[]): FieldFilter {
  const wanted = new Uint8Array(1_000)
  for (const value of values) {
    if (!/^[1-5](?:\d{2}|\d?\+)$/.test(value))
      throw new FilterError(`invalid http status code filter: invalid status code prefix: ${JSON.stringify(value)}`)
    const prefix = value.replace('+', '')
    for (let code = 100; code < 1_000; code++) if (String(code).startsWith(prefix)) wanted[code] = 1
  }
  return onHttp((table, row) => wanted[table.httpCode(row)] === 1)
}

/** Rows with one of the methods, in whatever case. */
export function httpMethods(values: readonly string[]): FieldFilter {
  const wanted = new Set(values.map((value) => value.toUpperCase()))
  return onHttp((table, row) => {
    const method = table.httpMethod(row)
    return method !== '' && wanted.has(method.toUpperCase())
  })
}

/** Rows whose URL contains a match of one of the regular expressions. */
export function httpUrls(patterns: readonly string[], regexps: Regexps): FieldFilter {
  const matches = remembered(anyMatch('url', patterns, regexps))
  return onHttp((table, row) => {
    const url = table.httpUrl(row)
    return url !== '' && matches(url)
  })
}

/** Rows the path of whose URL contains a match of one of the regular expressions. */
export function httpPaths(patterns: readonly string[], regexps: Regexps): FieldFilter {
  const pathMatches = anyMatch('path', patterns, regexps)
  const matches = remembered((url) => {
    const path = requestPath(url)
    return path !== undefined && pathMatches(path)
  })
  return onHttp((table, row) => matches(table.httpUrl(row)))
}

/** Rows that have one of the headers, name and value exactly alike. */
export function httpHeaders(wanted: readonly HttpHeaderFilter[]): FieldFilter {
  return onHttp((table, row) => {
    for (const [key, value] of table.httpHeaders(row)) {
      if (wanted.some((header) => (header.key ?? '') === key && (header.value ?? '') === value)) return true
    }
    return false
  })
}

function onHttp(test: (table: L7Table, row: number) => boolean): FieldFilter {
  return ({ columns: { l7 }, l7: table }: FlowBatch) => {
    const { protocol } = table.columns
    return (row) => l7[row] !== 0 && protocol[l7[row]! - 1] === L7Protocol.HTTP && test(table, l7[row]! - 1)
  }
}

function anyMatch(what: string, patterns: readonly string[], regexps: Regexps): (text: string) => boolean {
  const tests = patterns.map((pattern) =>
    explained(`invalid http ${what} filter: ${pattern}`, () => regexps.compile(pattern)),
  )
  return (text) => tests.some((test) => test(text))
}
