import type { Logger } from 'pino'
import type { FlowBatch } from '../../flow/batch.ts'
import type { HubbleEncoder } from '../../flow/hubble-encode.ts'
import type { FlowMask } from '../../flow/hubble-mask.ts'
import { compileFilters, type RowFilter } from '../../hubble/filters/compile.ts'
import type { FilterContext, FlowFilter } from '../../hubble/filters/flow-filter.ts'
import type { EncodeLost } from '../../hubble/lost-encoder.ts'
import type { Status } from '../../pipeline/component.ts'
import { type AggregateKey, AggregateTable } from './aggregate-table.ts'
import { isLoss, type OfType, passes } from './event-filter.ts'
import { LineEncoder } from './line-encoder.ts'
import type { LogCounters } from './log-counters.ts'
import { LogWriter } from './log-writer.ts'
import { openOutput } from './open-output.ts'
import type { FileSettings } from './rotating-file.ts'
import { WriteQueue } from './write-queue.ts'

/** One file of flows: what goes into it and how. */
export interface FlowLogSettings {
  allow: readonly FlowFilter[]
  deny: readonly FlowFilter[]
  /** undefined = whole flows. */
  mask: FlowMask | undefined
  /** undefined = flows are not added up. */
  aggregate: AggregateKey | undefined
  aggregationIntervalMs: number
  /** Unix milliseconds after which nothing is written any more; undefined = never. */
  endMs: number | undefined
  file: FileSettings
}

/** What the flow logs of an exporter share. */
export interface FlowLogContext {
  encoder: HubbleEncoder
  filters: FilterContext
  encodeLost: EncodeLost
  counters: LogCounters
  log: Logger
  report(status: Status): void
  queueBytes: number
  aggregationLimit: number
  syncIntervalMs: number
}

/** Lines that aggregates become are handed to the queue in pieces of this size. */
const PIECE_BYTES = 64 * 1024

/** Filters flows and hands them to a writer, or adds them up first. */
export class FlowLog {
  readonly settings: FlowLogSettings
  readonly #context: FlowLogContext
  readonly #filter: RowFilter
  readonly #queue: WriteQueue
  readonly #events: LineEncoder
  readonly #aggregates: AggregateTable | undefined
  #writer: LogWriter | undefined
  #timer: NodeJS.Timeout | undefined
  #keep = new Uint8Array(1024)

  /** @throws FilterError when a filter cannot be compiled */
  constructor(settings: FlowLogSettings, context: FlowLogContext) {
    this.settings = settings
    this.#context = context
    const { allow, deny, aggregate } = settings
    this.#filter = compileFilters(allow, deny, context.filters)
    this.#queue = new WriteQueue(context.queueBytes)
    this.#events = new LineEncoder(context.encoder, undefined)
    if (aggregate !== undefined) {
      const { encoder, aggregationLimit, filters } = context
      this.#aggregates = new AggregateTable(encoder, aggregate, aggregationLimit, filters.nodeName)
    }
  }

  /** Whether flows of now are written. */
  get active(): boolean {
    return this.settings.endMs === undefined || Date.now() < this.settings.endMs
  }

  /** Flows waiting. */
  get waiting(): number {
    return this.#queue.flows
  }

  /** Memory of what waits. */
  get waitingBytes(): number {
    return this.#queue.bytes
  }

  /** Keys of aggregates. */
  get keys(): number {
    return this.#aggregates?.size ?? 0
  }

  /** Opens the file. @throws Error that names it */
  async start(): Promise<void> {
    const { log, counters, report, syncIntervalMs, encoder } = this.#context
    const output = await openOutput(this.settings.file, {
      log,
      rotated: () => counters.rotations.add(1),
      tidyFailed: () => counters.tidyFailures.add(1),
    })
    // What came before this was opened waits in the queue.
    const lines = new LineEncoder(encoder, this.settings.mask)
    this.#writer = new LogWriter(this.#queue, lines, output, { counters, log, report, syncIntervalMs })
    this.#writer.wake()
    if (this.#aggregates === undefined) return
    this.#timer = setInterval(() => this.#flush(), this.settings.aggregationIntervalMs).unref()
  }

  /** Takes a batch in, also before `start`. Returns false when it was lost, and counted, because the queue is full. @param serial number of the batch */
  consume(batch: FlowBatch, serial: number): boolean {
    if (!this.active) return true
    for (const lost of batch.lost) this.tell(this.#context.encodeLost(lost, lost.lastMs ?? Date.now()), isLoss)
    const kept = this.#select(batch)
    if (kept.length === 0) return true
    if (this.#writer?.open === false) {
      this.#context.counters.lost('output_closed', kept.length)
      return true
    }
    if (this.#aggregates !== undefined) {
      this.#addUp(this.#aggregates, kept, serial)
      return true
    }
    const taken = this.#queue.pushFlows(kept, serial)
    if (!taken) this.#context.counters.lost('queue_full', kept.length)
    this.#writer?.wake()
    return taken
  }

  /** Writes an event that is no flow, encoded as `observer.ExportEvent`, when it passes the filters. */
  tell(event: Uint8Array, ofType: OfType): void {
    if (!this.active || !passes(this.settings.allow, this.settings.deny, ofType)) return
    this.#events.addEncoded(event)
    // Without room an event is not written; losses are also in the metrics of whoever lost.
    this.#queue.pushLines(this.#events.take().slice(), 0)
    this.#writer?.wake()
  }

  /** Writes what waits, until the deadline, and closes the file. */
  async shutdown(deadlineMs: number): Promise<void> {
    clearInterval(this.#timer)
    this.#flush()
    await this.#writer?.close(deadlineMs)
    // Where the file could never be opened.
    this.#context.counters.lost('shutdown', this.#queue.clear())
  }

  #select(batch: FlowBatch): FlowBatch {
    const { allow, deny } = this.settings
    if (allow.length === 0 && deny.length === 0) return batch
    if (this.#keep.length < batch.length) this.#keep = new Uint8Array(2 * batch.length)
    this.#filter(batch, 0, batch.length, this.#keep)
    return batch.select(this.#keep)
  }

  #addUp(aggregates: AggregateTable, batch: FlowBatch, serial: number): void {
    const { counters } = this.#context
    for (let row = 0; row < batch.length; row++) {
      try {
        if (aggregates.add(batch, row, serial)) continue
        counters.earlyFlushes.add(1)
        this.#flush()
        aggregates.add(batch, row, serial)
      } catch {
        // Bytes of others that are no flow, whatever is wrong with them.
        counters.lost('malformed', 1)
      }
    }
  }

  /** Hands the aggregates over as lines. */
  #flush(): void {
    if (this.#aggregates === undefined || this.#aggregates.size === 0) return
    let [piece, flows] = ['', 0]
    for (const { line, flows: count } of this.#aggregates.take()) {
      piece += line
      flows += count
      if (piece.length < PIECE_BYTES) continue
      this.#pushLines(piece, flows)
      piece = ''
      flows = 0
    }
    if (piece !== '') this.#pushLines(piece, flows)
  }

  #pushLines(lines: string, flows: number): void {
    if (!this.#queue.pushLines(Buffer.from(lines), flows)) this.#context.counters.lost('queue_full', flows)
    this.#writer?.wake()
  }
}
