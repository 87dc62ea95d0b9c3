import { type L7Columns, type L7Parts, l7BufferBytes, viewL7 } from './l7.ts'

const FIRST_ROWS = 64
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
