import { gatherColumn } from './columns.ts'

/**
 * The L7 rows of a batch: fixed columns plus one heap of bytes for what varies in length. Written by decode workers,
 * read lazily: a string is made only when somebody asks for it.
 *
 * Heap formats: text = UTF-8; list of addresses = 16 bytes each (IPv4 as ::ffff:a.b.c.d); list of types = 2 bytes each,
 * little endian; list of names = UTF-8 joined by `\0`.
 *
 * The columns have the names that DNS gives them. An HTTP row uses `type` and `latencyNs` alike, `rcode` for the status
 * code, `query` for the URL and `names` for method, protocol, then key and value of each header. Who reads rows asks
 * `protocol` first.
 */

/** `L7Table.protocol` */
export const L7Protocol = { DNS: 1, HTTP: 2 } as const

const FIELDS = {
  latencyNs: Float64Array,
  ttlSeconds: Uint32Array,
  queryAt: Uint32Array,
  typesAt: Uint32Array,
  answerTypesAt: Uint32Array,
  addressesAt: Uint32Array,
  namesAt: Uint32Array,
  dnsId: Uint16Array,
  queryBytes: Uint16Array,
  namesBytes: Uint16Array,
  rcode: Uint16Array,
  typeCount: Uint8Array,
  answerTypeCount: Uint8Array,
  addressCount: Uint8Array,
  protocol: Uint8Array,
  type: Uint8Array,
  truncated: Uint8Array,
} as const

type Field = keyof typeof FIELDS
export type L7Columns = { readonly [K in Field]: InstanceType<(typeof FIELDS)[K]> }

/** What of a row is in the heap: the column that says where, and how many bytes. */
const HEAP_PARTS: readonly { at: HeapField; size(columns: L7Columns, row: number): number }[] = [
  { at: 'queryAt', size: ({ queryBytes }, row) => queryBytes[row]! },
  { at: 'typesAt', size: ({ typeCount }, row) => 2 * typeCount[row]! },
  { at: 'answerTypesAt', size: ({ answerTypeCount }, row) => 2 * answerTypeCount[row]! },
  { at: 'addressesAt', size: ({ addressCount }, row) => 16 * addressCount[row]! },
  { at: 'namesAt', size: ({ namesBytes }, row) => namesBytes[row]! },
]
type HeapField = 'queryAt' | 'typesAt' | 'answerTypesAt' | 'addressesAt' | 'namesAt'

const BYTES_PER_ROW = Object.values(FIELDS).reduce((sum, type) => sum + type.BYTES_PER_ELEMENT, 0)

/** Names and element types of the columns in the order of the buffer: what a stored table must agree with. */
export function l7Layout(): [name: string, type: string][] {
  return Object.entries(FIELDS).map(([name, type]) => [name, type.name])
}

/** What of the table crosses threads: two buffers, both moved. */
export interface L7Parts {
  length: number
  capacity: number
  buffer: ArrayBuffer
  heap: ArrayBuffer
}

const NOTHING = new ArrayBuffer(0)

/** The table of a batch without L7 rows. */
export function emptyL7(): L7Parts {
  return { length: 0, capacity: 0, buffer: NOTHING, heap: NOTHING }
}

/** Bytes of a buffer for `capacity` L7 rows. */
export function l7BufferBytes(capacity: number): number {
  return ((capacity + 7) & ~7) * BYTES_PER_ROW
}

/** Views of `buffer` as L7 columns of `capacity` rows. */
export function viewL7(buffer: ArrayBuffer, capacity: number): L7Columns {
  const rows = (capacity + 7) & ~7
  const columns: Record<string, unknown> = {}
  let offset = 0
  for (const [name, type] of Object.entries(FIELDS)) {
    columns[name] = new type(buffer, offset, rows)
    offset += rows * type.BYTES_PER_ELEMENT
  }
  return { ...columns } as L7Columns // a copy for fast properties, as in `viewColumns`
}

const utf8 = new TextDecoder()

/** Read access to L7 rows; `row` is the batch's column `l7` minus 1. */
export class L7Table {
  readonly parts: L7Parts
  readonly length: number
  readonly columns: L7Columns
  readonly heap: Uint8Array

  constructor(parts: L7Parts) {
    this.parts = parts
    this.length = parts.length
    this.columns = viewL7(parts.buffer, parts.capacity)
    this.heap = new Uint8Array(parts.heap)
  }

  get bytes(): number {
    return this.parts.buffer.byteLength + this.parts.heap.byteLength
  }

  /** Frees the buffers; the shared ones of an empty table stay. */
  free(): void {
    if (this.parts.buffer !== NOTHING) this.parts.buffer.transfer(0)
    if (this.parts.heap !== NOTHING) this.parts.heap.transfer(0)
  }

  copyParts(): L7Parts {
    return { ...this.parts, buffer: this.parts.buffer.slice(0), heap: this.parts.heap.slice(0) }
  }

  /** The L7 rows that `column[0, count)` (row + 1, 0 = none) names, in buffers of their own; renumbers the column for them. */
  gather(column: Uint16Array, count: number): L7Parts {
    const rows = new Uint32Array(this.length)
    const numbers = new Uint16Array(this.length + 1)
    let kept = 0
    for (let i = 0; i < count; i++) {
      const at = column[i]!
      if (at === 0) continue
      if (numbers[at] === 0) {
        rows[kept++] = at - 1
        numbers[at] = kept
      }
      column[i] = numbers[at]!
    }
    if (kept === 0) return emptyL7()
    const buffer = new ArrayBuffer(l7BufferBytes(kept))
    const columns = viewL7(buffer, kept)
    for (const name of Object.keys(FIELDS) as Field[])
      gatherColumn(this.columns[name], columns[name], rows, { count: kept, width: 1 })
    return { length: kept, capacity: kept, buffer, heap: this.#gatherHeap(columns, kept) }
  }

  /** Copies what rows have in the heap, and says in their columns where it is now. */
  #gatherHeap(columns: L7Columns, count: number): ArrayBuffer {
    let bytes = 0
    for (const { size } of HEAP_PARTS) for (let row = 0; row < count; row++) bytes += size(columns, row)
    const heap = new Uint8Array(bytes)
    let end = 0
    for (const { at, size } of HEAP_PARTS) {
      const offsets = columns[at]
      for (let row = 0; row < count; row++) {
        const length = size(columns, row)
        heap.set(this.heap.subarray(offsets[row]!, offsets[row]! + length), end)
        offsets[row] = end
        end += length
      }
    }
    return heap.buffer
  }

  /** The first question's name with its trailing dot, as `flow.DNS.query`; later questions follow after `,`. */
  query(row: number): string {
    const at = this.columns.queryAt[row]!
    return utf8.decode(this.heap.subarray(at, at + this.columns.queryBytes[row]!))
  }

  /** Question types (IANA numbers), one per question. */
  types(row: number): number[] {
    return this.#numbers(this.columns.typesAt[row]!, this.columns.typeCount[row]!)
  }

  /** Types of the answer records, one per record. */
  answerTypes(row: number): number[] {
    return this.#numbers(this.columns.answerTypesAt[row]!, this.columns.answerTypeCount[row]!)
  }

  /** Offset in `heap` of the first of `addressCount` addresses, 16 bytes each. */
  addressesAt(row: number): number {
    return this.columns.addressesAt[row]!
  }

  /** Targets of the CNAME answers with their trailing dots. */
  names(row: number): string[] {
    const bytes = this.columns.namesBytes[row]!
    if (bytes === 0) return []
    const at = this.columns.namesAt[row]!
    return utf8.decode(this.heap.subarray(at, at + bytes)).split('\0')
  }

  /** HTTP: the status code, 0 = a request. */
  httpCode(row: number): number {
    return this.columns.rcode[row]!
  }

  httpMethod(row: number): string {
    return this.names(row)[0] ?? ''
  }

  httpUrl(row: number): string {
    return this.query(row)
  }

  /** `HTTP/1.1` */
  httpProtocol(row: number): string {
    return this.names(row)[1] ?? ''
  }

  httpHeaders(row: number): [key: string, value: string][] {
    const names = this.names(row)
    const headers: [string, string][] = []
    for (let i = 2; i + 1 < names.length; i += 2) headers.push([names[i]!, names[i + 1]!])
    return headers
  }

  #numbers(at: number, count: number): number[] {
    const numbers: number[] = []
    for (let i = 0; i < count; i++) numbers.push(this.heap[at + 2 * i]! | (this.heap[at + 2 * i + 1]! << 8))
    return numbers
  }
}
