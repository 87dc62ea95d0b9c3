import type { FilledSlab } from '../../../native/capture.ts'
import { FlowBatch } from '../../flow/batch.ts'
import { LostSource } from '../../flow/enums.ts'
import type { Losses } from '../../flow/losses.ts'
import { type FlowConsumer, RefusedError } from '../../pipeline/component.ts'
import type { WorkerPool } from '../../pipeline/pool.ts'
import type { DecodeResult, DecodeTask } from './decode-worker.ts'
import { type NameResolver, nameRows } from './name-rows.ts'

/** The worker's module, beside this one in the sources and in `dist/`. */
const WORKER = new URL(`./decode-worker${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url)

/** Why records did not become flows: the worker died or failed, they cannot be decoded, or there was no time left. */
export type LossReason = 'worker' | 'undecodable' | 'shutdown'

/** What the line needs, and whom it tells. */
export interface SlabLineParts {
  pool: Pick<WorkerPool, 'run'>
  next: FlowConsumer
  names: NameResolver
  losses: Losses
  /** Gives a slab back to the addon. */
  give(slab: ArrayBuffer): void
  /** Records that did not become flows. */
  onLost(reason: LossReason, records: number, message: string): void
  onUnparsedDns(messages: number): void
}

/**
 * The way of slabs: decoded by a worker, named here, handed on in the order they came. A slab is given back only when its
 * flows were taken, so a slow pipeline makes the ring wait and nothing piles up here.
 */
export class SlabLine {
  readonly #parts: SlabLineParts
  #tail: Promise<void> = Promise.resolve()
  /** Slabs on their way. */
  inFlight = 0

  constructor(parts: SlabLineParts) {
    this.#parts = parts
  }

  push(filled: FilledSlab): void {
    this.inFlight++
    const { slab, ...rest } = filled
    const size = slab.byteLength
    const task: DecodeTask = { slab, ...rest }
    // Started at once, so that the worker is not idle while an earlier batch is being consumed.
    const decoding = this.#parts.pool
      .run<DecodeResult>(WORKER, 'decode', task, [slab])
      .catch((error: unknown): DecodeResult => {
        return { ok: false, kind: 'internal', message: `the worker died: ${error}`, slab: new ArrayBuffer(size) }
      })
    this.#tail = this.#tail.then(async () => {
      await this.#finish(await decoding, filled.records)
      this.inFlight--
    })
  }

  /** Hands on what was lost when no slab is on its way that could tell it. */
  tellLosses(): void {
    if (this.inFlight > 0 || !this.#parts.losses.pending) return
    this.#tail = this.#tail.then(() => this.#hand(FlowBatch.allocate(0, this.#parts.losses.take())))
  }

  /** Resolves when everything pushed so far was handed on. */
  drained(): Promise<void> {
    return this.#tail
  }

  async #finish(result: DecodeResult, records: number): Promise<void> {
    if (result.ok) {
      if (result.cutRecords > 0)
        this.#lose('undecodable', result.cutRecords, 'a record of wrong length or unknown kind')
      if (result.unparsedDns > 0) this.#parts.onUnparsedDns(result.unparsedDns)
      const batch = new FlowBatch(result.parts, this.#parts.losses.take())
      nameRows(batch, this.#parts.names)
      await this.#hand(batch)
    } else {
      this.#lose('worker', records, result.message)
    }
    this.#parts.give(result.slab)
  }

  /** The pipeline counts and logs what it refuses; whoever reads flows later is told how many nobody has. */
  async #hand(batch: FlowBatch): Promise<void> {
    try {
      await this.#parts.next.consume(batch)
    } catch (error) {
      // Nobody kept anything. After another error some have the flows, and were told what was lost before them.
      if (!(error instanceof RefusedError)) return
      this.#parts.losses.restore(batch.lost)
      this.#parts.losses.add(LostSource.OBSERVER_EVENTS_QUEUE, batch.length)
    } finally {
      batch.release()
    }
  }

  #lose(reason: LossReason, records: number, message: string): void {
    this.#parts.losses.add(LostSource.OBSERVER_EVENTS_QUEUE, records)
    this.#parts.onLost(reason, records, message)
  }
}
