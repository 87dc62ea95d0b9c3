import { type L7Parts, L7Protocol, L7Table } from '../../flow/l7.ts'
import { REDACTED, type Redactor } from './redacted.ts'

/** Most bytes of a text of the L7 table: its length is 16 bits wide. */
const MOST_BYTES = 0xffff

/** Before its headers an HTTP row names method and protocol. */
const BEFORE_HEADERS = 2

const utf8 = new TextEncoder()

/** An L7 table without secrets. */
export interface CleanL7 {
  parts: L7Parts
  /** By row: 1 = something was taken out. */
  touched: Uint8Array
  /** By row: 1 = it could not be redacted, and holds no text any more. */
  failed: Uint8Array
}

/** Texts of a row; undefined = as it was. */
interface Rewritten {
  query: string | undefined
  names: string | undefined
}

/**
 * Rewrites the L7 rows that hold something to take out: what they say is written anew behind the heap, and wiped where it
 * was. @returns undefined when there was nothing
 */
export function redactL7(table: L7Table, redactor: Redactor): CleanL7 | undefined {
  const failed = new Uint8Array(table.length)
  const changes = new Map<number, Rewritten>()
  for (let row = 0; row < table.length; row++) {
    try {
      const rewritten = redactRow(table, row, redactor)
      if (rewritten.query !== undefined || rewritten.names !== undefined) changes.set(row, rewritten)
    } catch {
      // Whatever it was: the row must not leave.
      failed[row] = 1
      changes.set(row, { query: '', names: '' })
    }
  }
  if (changes.size === 0) return undefined
  const touched = new Uint8Array(table.length)
  for (const row of changes.keys()) touched[row] = 1
  return { parts: applied(table, changes), touched, failed }
}

function redactRow(table: L7Table, row: number, redactor: Redactor): Rewritten {
  if (table.columns.protocol[row] === L7Protocol.HTTP) return redactHttp(table, row, redactor)
  if (!redactor.redactsNames) return { query: undefined, names: undefined }
  const [query, names] = [table.query(row), table.names(row)]
  const cleanNames = names.map((name) => redactor.names(name))
  return {
    query: changed(query, redactor.names(query)),
    names: changed(names.join('\0'), fitting(cleanNames, 0)),
  }
}

function redactHttp(table: L7Table, row: number, redactor: Redactor): Rewritten {
  const url = table.httpUrl(row)
  // The end of a password may be in the part that was cut off.
  const cut = table.columns.queryBytes[row] === MOST_BYTES
  const names = table.names(row)
  const clean = names.slice(0, BEFORE_HEADERS)
  for (let i = BEFORE_HEADERS; i < names.length; i += 2) {
    const [key = '', value] = [names[i], names[i + 1]]
    if (value !== undefined) clean.push(key, redactor.header(key, value))
  }
  return {
    query: changed(url, cut ? REDACTED : redactor.url(url)),
    names: changed(names.join('\0'), fitting(clean, BEFORE_HEADERS)),
  }
}

function changed(before: string, after: string): string | undefined {
  return before === after ? undefined : after
}

/** The texts joined, without the last ones where all of them do not fit. @param least texts that stay; the others go in pairs */
function fitting(texts: readonly string[], least: number): string {
  let joined = texts.join('\0')
  for (let count = texts.length; utf8.encode(joined).length > MOST_BYTES && count > least; ) {
    count = Math.max(least, count - 2)
    joined = texts.slice(0, count).join('\0')
  }
  return joined
}

function applied(table: L7Table, changes: ReadonlyMap<number, Rewritten>): L7Parts {
  const parts = table.copyParts()
  const added: Uint8Array[] = []
  let end = parts.heap.byteLength
  const clean = new L7Table(parts)
  const replace = (what: 'query' | 'names', row: number, text: string) => {
    const { [`${what}At` as const]: at, [`${what}Bytes` as const]: bytes } = clean.columns
    clean.heap.fill(0, at[row]!, at[row]! + bytes[row]!)
    const encoded = utf8.encode(text).subarray(0, MOST_BYTES)
    at[row] = end
    bytes[row] = encoded.length
    added.push(encoded)
    end += encoded.length
  }
  for (const [row, { query, names }] of changes) {
    if (query !== undefined) replace('query', row, query)
    if (names !== undefined) replace('names', row, names)
  }
  const heap = new Uint8Array(end)
  heap.set(clean.heap)
  let at = parts.heap.byteLength
  for (const encoded of added) {
    heap.set(encoded, at)
    at += encoded.length
  }
  return { ...parts, heap: heap.buffer }
}
