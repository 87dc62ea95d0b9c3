import type { Logger } from 'pino'
import type { FlowBatch } from '../../flow/batch.ts'
import type { Status } from '../../pipeline/component.ts'
import { before } from '../../pipeline/deadline.ts'
import type { LineEncoder } from './line-encoder.ts'
import type { LogCounters } from './log-counters.ts'
import { type Output, OutputClosedError } from './output.ts'
import type { QueueVisitor, WriteQueue } from './write-queue.ts'

/** Bytes of one write. Some hundred lines: the event loop is held up for less than a millisecond. */
const CHUNK_BYTES = 128 * 1024

/** A write that failed is tried again after this. */
const RETRY_MS = 1_000

export interface WriterSettings {
  counters: LogCounters
  log: Logger
  report(status: Status): void
  /** Milliseconds; 0 = only files that are done with are synced. */
  syncIntervalMs: number
}

/** Takes flows from a queue, makes lines of them and writes these, one write at a time. A write that fails is tried again until it succeeds; the queue fills meanwhile. */
export class LogWriter implements QueueVisitor {
  readonly #queue: WriteQueue
  readonly #encoder: LineEncoder
  readonly #output: Output
  readonly #settings: WriterSettings
  readonly #timer: NodeJS.Timeout | undefined
  /** Lines made already that belong behind those of the encoder. */
  #made: Uint8Array | undefined
  /** Flows of the lines collected, those not yet written. */
  #flows = 0
  #running: Promise<void> | undefined
  #syncDue = false
  #unsynced = false
  #failing = false
  #closed = false
  /** Ends the wait for the next attempt. */
  #hurry = Promise.withResolvers<void>()
  #closing = false

  constructor(queue: WriteQueue, encoder: LineEncoder, output: Output, settings: WriterSettings) {
    this.#queue = queue
    this.#encoder = encoder
    this.#output = output
    this.#settings = settings
    if (settings.syncIntervalMs > 0) this.#timer = setInterval(() => this.#tick(), settings.syncIntervalMs).unref()
  }

  /** False when the reader is gone: what comes is lost. */
  get open(): boolean {
    return !this.#closed
  }

  /** Begins to write what waits, unless that is under way. */
  wake(): void {
    if (this.#closed) return
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined
      if (!this.#queue.empty) this.wake()
    })
  }

  /** Writes what waits, until the deadline; what is left then is lost and counted. */
  async close(deadlineMs: number): Promise<void> {
    this.#closing = true
    clearInterval(this.#timer)
    this.#hurry.resolve()
    if (!this.#queue.empty) this.wake()
    if (this.#running !== undefined) await before(deadlineMs, this.#running)
    this.#closed = true
    const left = this.#flows + this.#queue.clear()
    this.#flows = 0
    this.#settings.counters.lost('shutdown', left)
    if (left > 0) this.#settings.log.warn({ flows: left }, 'Shut down before everything was written. Dropping data.')
    await before(deadlineMs, this.#output.close(deadlineMs))
  }

  flow(batch: FlowBatch, row: number, serial: number): boolean {
    const refusal = this.#encoder.add(batch, row, serial)
    if (refusal === undefined) this.#flows++
    else this.#settings.counters.lost(refusal, 1)
    return this.#encoder.size < CHUNK_BYTES
  }

  lines(lines: Uint8Array, flows: number): boolean {
    this.#made = lines
    this.#flows += flows
    return false
  }

  #tick(): void {
    if (!this.#unsynced) return
    this.#syncDue = true
    this.wake()
  }

  async #run(): Promise<void> {
    while (!this.#closed && (!this.#queue.empty || this.#syncDue)) {
      this.#queue.take(this)
      const written = (await this.#deliver(this.#encoder.take())) && (await this.#deliver(this.#made))
      // What was not written is counted by who closed this.
      if (!written) return
      this.#made = undefined
      this.#settings.counters.sent.add(this.#flows)
      this.#flows = 0
      if (this.#syncDue) await this.#sync()
    }
  }

  /** Tries until the lines are written. Resolves with false when this was closed before. */
  async #deliver(lines: Uint8Array | undefined): Promise<boolean> {
    if (lines === undefined || lines.length === 0) return true
    while (!this.#closed) {
      try {
        await this.#output.write(lines)
        this.#settings.counters.written.add(lines.length)
        this.#unsynced = true
        this.#recovered()
        return true
      } catch (error) {
        if (error instanceof OutputClosedError) this.#lostReader(error)
        else await this.#failed(error as Error)
      }
    }
    return false
  }

  async #failed(error: Error): Promise<void> {
    this.#settings.counters.writeFailures.add(1)
    if (!this.#failing) {
      this.#failing = true
      this.#settings.report({ at: 'recoverable_error', error })
      this.#settings.log.error({ err: error }, 'Cannot write flows; trying again every second, they wait in the queue')
    }
    if (this.#closing) this.#closed = true
    else await this.#pause()
  }

  #recovered(): void {
    if (!this.#failing) return
    this.#failing = false
    this.#settings.report({ at: 'ok' })
    this.#settings.log.info('Flows are written again')
  }

  #lostReader(error: Error): void {
    this.#closed = true
    this.#settings.counters.lost('output_closed', this.#flows + this.#queue.clear())
    this.#flows = 0
    this.#settings.report({ at: 'permanent_error', error })
    this.#settings.log.error({ err: error }, 'Flows are written no more')
  }

  async #pause(): Promise<void> {
    const timer = setTimeout(() => this.#hurry.resolve(), RETRY_MS)
    await this.#hurry.promise
    clearTimeout(timer)
    if (!this.#closing) this.#hurry = Promise.withResolvers<void>()
  }

  async #sync(): Promise<void> {
    this.#syncDue = false
    try {
      await this.#output.sync()
      this.#unsynced = false
    } catch (error) {
      this.#settings.counters.writeFailures.add(1)
      this.#settings.log.error({ err: error }, 'The file could not be synced to its disk')
    }
  }
}
