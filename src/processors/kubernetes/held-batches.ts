import type { Logger } from 'pino'
import type { FlowBatch } from '../../flow/batch.ts'
import type { FlowConsumer } from '../../pipeline/component.ts'
import type { Counter } from '../../pipeline/telemetry.ts'

export interface HeldBatchesSettings {
  /** Longest wait of a batch, ms. */
  waitMs: number
  /** Most flows held; beyond, the oldest go on before their time. */
  maxFlows: number
  /** Names a batch. @param waits whether it may be named again @returns then: whether an end of it may still become known */
  name(batch: FlowBatch, waits: boolean): boolean
  next: FlowConsumer
  log: Logger
  /** Counts batches that went on before their time. */
  early: Counter
  clock?: () => number
}

interface Held {
  batch: FlowBatch
  open: boolean
  dueMs: number
}

/** How often it is tried again to name what waits. */
const RETRY_MS = 20

/** Batches that wait for news of an end. They go on in the order in which they came. */
export class HeldBatches {
  readonly #settings: HeldBatchesSettings
  readonly #clock: () => number
  #queue: Held[] = []
  #flows = 0
  #timer: NodeJS.Timeout | undefined
  #releasing: Promise<void> | undefined

  constructor(settings: HeldBatchesSettings) {
    this.#settings = settings
    this.#clock = settings.clock ?? Date.now
  }

  /** Flows that wait. */
  get flows(): number {
    return this.#flows
  }

  /** Passes a batch on that needs not wait and has nobody before it; holds any other one. */
  push(batch: FlowBatch): void | Promise<void> {
    const { waitMs, maxFlows, name, next, early } = this.#settings
    const open = name(batch, waitMs > 0)
    if (!open && this.#queue.length === 0 && this.#releasing === undefined) return next.consume(batch)
    batch.retain()
    this.#queue.push({ batch, open, dueMs: this.#clock() + waitMs })
    this.#flows += batch.length
    this.#timer ??= setInterval(() => this.retry(), RETRY_MS)
    if (this.#flows <= maxFlows) return
    early.add(1)
    // The sender waits until the oldest one is gone.
    this.#queue[0]!.dueMs = 0
    return this.#release()
  }

  /** Tries to name the oldest ones again, and passes on what is named or has waited long enough. */
  retry(): void {
    void this.#release()
  }

  /** Passes everything on. */
  async flush(): Promise<void> {
    for (const held of this.#queue) held.dueMs = 0
    await this.#release()
    while (this.#queue.length > 0) await this.#release()
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #release(): Promise<void> {
    this.#releasing ??= this.#run().finally(() => {
      this.#releasing = undefined
      if (this.#queue.length > 0) return
      clearInterval(this.#timer)
      this.#timer = undefined
    })
    return this.#releasing
  }

  async #run(): Promise<void> {
    const { name, next, log } = this.#settings
    for (let held = this.#queue[0]; held !== undefined; held = this.#queue[0]) {
      if (held.open) held.open = name(held.batch, held.dueMs > this.#clock())
      if (held.open) return
      this.#queue.shift()
      this.#flows -= held.batch.length
      try {
        await next.consume(held.batch)
      } catch (error) {
        // Whoever sent it is gone; the pipeline has counted it as refused.
        log.warn({ err: error }, `${held.batch.length} flows that had waited were not taken`)
      } finally {
        held.batch.release()
      }
    }
  }
}
