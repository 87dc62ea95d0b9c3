import { type L7Parts, L7Protocol, l7BufferBytes, viewL7 } from '../../src/flow/l7.ts'
import { addressBytes } from './flows.ts'

/** A DNS message, or an HTTP one in the same columns (`src/flow/l7.ts`), as a test writes it. */
export interface L7Row {
  /** `L7Protocol`; DNS by default. */
  protocol?: number
  /** `L7Type` */
  type: number
  /** With its trailing dot. */
  query: string
  types?: number[]
  answerTypes?: number[]
  addresses?: string[]
  names?: string[]
  rcode?: number
  ttlSeconds?: number
  latencyNs?: number
}

/** The L7 table of a batch with these messages, in the heap formats of `src/flow/l7.ts`. */
export function l7Parts(rows: readonly L7Row[]): L7Parts {
  const buffer = new ArrayBuffer(l7BufferBytes(rows.length))
  const columns = viewL7(buffer, rows.length)
  const heap: number[] = []
  const put = (bytes: Iterable<number>) => {
    const at = heap.length
    heap.push(...bytes)
    return at
  }
  rows.forEach((row, i) => {
    const query = new TextEncoder().encode(row.query)
    const names = new TextEncoder().encode((row.names ?? []).join('\0'))
    columns.protocol[i] = row.protocol ?? L7Protocol.DNS
    columns.type[i] = row.type
    columns.rcode[i] = row.rcode ?? 0
    columns.ttlSeconds[i] = row.ttlSeconds ?? 0
    columns.latencyNs[i] = row.latencyNs ?? 0
    columns.queryAt[i] = put(query)
    columns.queryBytes[i] = query.length
    columns.namesAt[i] = put(names)
    columns.namesBytes[i] = names.length
    columns.typesAt[i] = put(littleEndian(row.types ?? []))
    columns.typeCount[i] = row.types?.length ?? 0
    columns.answerTypesAt[i] = put(littleEndian(row.answerTypes ?? []))
    columns.answerTypeCount[i] = row.answerTypes?.length ?? 0
    columns.addressesAt[i] = put((row.addresses ?? []).flatMap((address) => [...addressBytes(address)]))
    columns.addressCount[i] = row.addresses?.length ?? 0
  })
  return { length: rows.length, capacity: rows.length, buffer, heap: Uint8Array.from(heap).buffer }
}

function littleEndian(numbers: readonly number[]): number[] {
  return numbers.flatMap((n) => [n & 0xff, n >> 8])
}
