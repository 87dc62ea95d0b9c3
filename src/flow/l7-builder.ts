import { type L7Columns, type L7Parts, L7Protocol, l7BufferBytes, viewL7 } from './l7.ts'

/** An HTTP request or response as `flow.HTTP` has it. */
export interface HttpMessage {
  /** `L7Type` */
  type: number
  latencyNs: number
  /** 0 in a request. */
  code: number
  method: string
  url: string
  /** `HTTP/1.1` */
  protocol: string
  headers: readonly (readonly [key: string, value: string])[]
}

const FIRST_ROWS = 64
/** Most bytes of a URL, and of all headers together: columns are 16 bits wide. */
const TEXT_BYTES = 0xffff

const utf8 = new TextEncoder()

const FIRST_HEAP = 8_192

/**
 * Writes L7 rows and their heap (formats: `l7.ts`), growing as needed. One builder serves many batches: `take` copies
 * what was written into buffers of just that size and starts anew.
 */
export class L7Builder {
  /** Rows written so far. */
  length = 0
  /** Columns of the row that `length` names next; valid until the next `reserve`. */
  columns: L7Columns
  heap: Uint8Array
  /** Bytes of the heap in use. */
  used = 0
  /** Rows that a limit kept out since `take` or `clear`. */
  refused = 0
  #rowStart = 0
  #capacity: number
  readonly #maxRows: number
  readonly #maxHeap: number

  /** @param maxRows most rows of one batch @param maxHeap most bytes of its heap */
  constructor(maxRows: number, maxHeap: number) {
    this.#maxRows = maxRows
    this.#maxHeap = maxHeap
    this.#capacity = FIRST_ROWS
    this.columns = viewL7(new ArrayBuffer(l7BufferBytes(FIRST_ROWS)), FIRST_ROWS)
    this.heap = new Uint8Array(FIRST_HEAP)
  }

  /** Makes room for one row and `bytes` of heap. Returns false, and counts it, when a limit forbids it. */
  reserve(bytes: number): boolean {
    if (this.length >= this.#maxRows || this.used + bytes > this.#maxHeap) {
      this.refused++
      return false
    }
    this.#rowStart = this.used
    if (this.length >= this.#capacity) this.#growRows()
    if (this.used + bytes > this.heap.length) this.#growHeap(this.used + bytes)
    return true
  }

  /** Appends the first `count` bytes to the heap, for which `reserve` made room. @returns where they begin */
  append(bytes: Uint8Array, count: number): number {
    const at = this.used
    // A loop beats `set` and `subarray` for the few bytes of a name.
    for (let i = 0; i < count; i++) this.heap[at + i] = bytes[i]!
    this.used = at + count
    return at
  }

  /**
   * Writes an HTTP row. What is longer than 65,535 bytes (the URL; method, protocol and headers together) is cut, and
   * `truncated` says so. @returns what the batch's column `l7` holds of it; 0 when there was no room
   */
  addHttp({ type, latencyNs, code, method, url, protocol, headers }: HttpMessage): number {
    // HTTP forbids NUL, which separates the texts here.
    const parts = [method, protocol, ...headers.flat()].map((part) => part.replaceAll('\0', ' '))
    const [urlBytes, names] = [utf8.encode(url), utf8.encode(parts.join('\0'))]
    const [urlLength, namesLength] = [Math.min(urlBytes.length, TEXT_BYTES), Math.min(names.length, TEXT_BYTES)]
    if (!this.reserve(urlLength + namesLength)) return 0
    const { columns } = this
    const row = this.length
    this.clearRow()
    columns.protocol[row] = L7Protocol.HTTP
    columns.type[row] = type
    columns.latencyNs[row] = latencyNs
    columns.rcode[row] = code
    columns.queryAt[row] = this.append(urlBytes, urlLength)
    columns.queryBytes[row] = urlLength
    columns.namesAt[row] = this.append(names, namesLength)
    columns.namesBytes[row] = namesLength
    columns.truncated[row] = urlLength < urlBytes.length || namesLength < names.length ? 1 : 0
    return ++this.length
  }

  /** Takes the row that was written last back. */
  undo(): void {
    this.length--
    this.used = this.#rowStart
  }

  /** The rows and the heap as buffers of their own; the builder is empty afterwards. */
  take(): L7Parts {
    const length = this.length
    const buffer = new ArrayBuffer(l7BufferBytes(length))
    copyRows(this.columns, viewL7(buffer, length), length)
    const parts = { length, capacity: length, buffer, heap: this.heap.slice(0, this.used).buffer }
    this.clear()
    return parts
  }

  /** Forgets what was written. */
  clear(): void {
    this.length = 0
    this.used = 0
    this.refused = 0
  }

  /** Zeroes the row that `length` names: it may hold what one of an earlier batch left. */
  clearRow(): void {
    for (const column of Object.values(this.columns)) column[this.length] = 0
  }

  #growRows(): void {
    const capacity = Math.min(this.#maxRows, this.#capacity * 2)
    const larger = viewL7(new ArrayBuffer(l7BufferBytes(capacity)), capacity)
    copyRows(this.columns, larger, this.length)
    this.columns = larger
    this.#capacity = capacity
  }

  #growHeap(needed: number): void {
    const larger = new Uint8Array(Math.min(this.#maxHeap, Math.max(needed, this.heap.length * 2)))
    larger.set(this.heap.subarray(0, this.used))
    this.heap = larger
  }
}

function copyRows(from: L7Columns, to: L7Columns, rows: number): void {
  for (const name of Object.keys(from) as (keyof L7Columns)[]) to[name].set(from[name].subarray(0, rows))
}
