import type { FlowBatch } from '../../src/flow/batch.ts'
import type { FlowConsumer } from '../../src/pipeline/component.ts'

/** Takes every batch and keeps it. */
export class Sink implements FlowConsumer {
  readonly mutates = false
  readonly batches: FlowBatch[] = []
  #waiting: { flows: number; resolve: () => void }[] = []

  consume(batch: FlowBatch): void {
    batch.retain()
    this.batches.push(batch)
    for (const { flows, resolve } of this.#waiting) if (this.flows >= flows) resolve()
  }

  /** Flows taken so far. */
  get flows(): number {
    return this.batches.reduce((sum, batch) => sum + batch.length, 0)
  }

  /** Resolves once so many flows were taken. */
  until(flows: number): Promise<void> {
    if (this.flows >= flows) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push({ flows, resolve }))
  }

  /** What `see` makes of every row, in order. */
  rows<T>(see: (batch: FlowBatch, row: number) => T): T[] {
    return this.batches.flatMap((batch) => Array.from({ length: batch.length }, (_, row) => see(batch, row)))
  }
}
