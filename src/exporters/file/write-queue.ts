import type { FlowBatch } from '../../flow/batch.ts'
import { KeptBatch } from '../../flow/kept-batch.ts'

/** Flows of one batch; `from` moves on as they are taken. */
interface WaitingFlows {
  kept: KeptBatch
  from: number
  to: number
  serial: number
}

/** Lines made already. */
interface WaitingLines {
  lines: Uint8Array
  /** Flows they stand for. */
  flows: number
}

/** What is taken from the queue at a time. */
export interface QueueVisitor {
  /** @returns whether more is wanted */
  flow(batch: FlowBatch, row: number, serial: number): boolean
  lines(lines: Uint8Array, flows: number): boolean
}

/** What waits to be written, in order: flows as the columns they came in, for those are a fifth of their lines. Bounded in bytes. */
export class WriteQueue {
  readonly #capacity: number
  readonly #entries: (WaitingFlows | WaitingLines)[] = []
  #flows = 0
  #bytes = 0

  /** @param capacity bytes above which nothing more is taken */
  constructor(capacity: number) {
    this.#capacity = capacity
  }

  /** Flows waiting. */
  get flows(): number {
    return this.#flows
  }

  /** Memory of what waits. */
  get bytes(): number {
    return this.#bytes
  }

  get empty(): boolean {
    return this.#entries.length === 0
  }

  /** Takes a batch in, whole. Returns false when there is no room. */
  pushFlows(batch: FlowBatch, serial: number): boolean {
    if (this.#bytes >= this.#capacity) return false
    const kept = new KeptBatch(batch)
    this.#entries.push({ kept, from: 0, to: batch.length, serial })
    this.#flows += batch.length
    this.#bytes += kept.bytes
    return true
  }

  /** Takes lines in, of which the queue becomes the owner. Returns false when there is no room. */
  pushLines(lines: Uint8Array, flows: number): boolean {
    if (this.#bytes >= this.#capacity) return false
    this.#entries.push({ lines, flows })
    this.#flows += flows
    this.#bytes += lines.length
    return true
  }

  /** Hands out what waits, the oldest first, until the visitor has enough. */
  take(visitor: QueueVisitor): void {
    for (let more = true; more; ) {
      const entry = this.#entries[0]
      if (entry === undefined) return
      if ('kept' in entry) more = this.#takeFlows(entry, visitor)
      else {
        this.#entries.shift()
        this.#flows -= entry.flows
        this.#bytes -= entry.lines.length
        more = visitor.lines(entry.lines, entry.flows)
      }
    }
  }

  /** Forgets everything. Returns how many flows that were. */
  clear(): number {
    const flows = this.#flows
    for (const entry of this.#entries.splice(0)) if ('kept' in entry) entry.kept.release()
    this.#flows = 0
    this.#bytes = 0
    return flows
  }

  #takeFlows(entry: WaitingFlows, visitor: QueueVisitor): boolean {
    const { batch } = entry.kept
    let more = true
    while (more && entry.from < entry.to) {
      this.#flows--
      more = visitor.flow(batch, entry.from++, entry.serial)
    }
    if (entry.from === entry.to) {
      this.#entries.shift()
      this.#bytes -= entry.kept.bytes
      entry.kept.release()
    }
    return more
  }
}
