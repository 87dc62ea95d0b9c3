import type { FlowBatch } from '../../flow/batch.ts'
import { Ends } from '../../flow/ends.ts'
import { Verdict } from '../../flow/enums.ts'
import type { Component, CreateContext, FlowConsumer } from '../../pipeline/component.ts'
import type { Counter } from '../../pipeline/telemetry.ts'
import { COLORED, type Colors, PLAIN } from './colors.ts'
import { compactLine } from './compact-line.ts'
import type { DebugConfig } from './config.ts'
import { detailedRecord } from './detailed.ts'
import type { TextOutput } from './text-output.ts'

const TICK_MS = 1_000

/** Shows flows as text, at most so many a second; never holds the pipeline up for a slow reader. */
export class DebugExporter implements Component, FlowConsumer {
  readonly mutates = false
  readonly #config: DebugConfig
  readonly #output: TextOutput
  readonly #colors: Colors
  readonly #notShownCounter: Counter
  readonly #ends: Ends
  #timer: NodeJS.Timeout | undefined
  #shown = 0
  #notShown = 0
  #totals = { flows: 0, packets: 0, bytes: 0, dropped: 0 }

  constructor(context: CreateContext, config: DebugConfig, output: TextOutput, colored: boolean) {
    this.#config = config
    this.#ends = new Ends(context.endpoints)
    this.#output = output
    this.#colors = colored ? COLORED : PLAIN
    this.#notShownCounter = context.telemetry.counter(
      'fovea_debug_flows_not_shown',
      'Flows that the debug exporter did not print: above flows_per_second, or the output was too slow.',
      { exporter: context.id },
    )
  }

  async start(): Promise<void> {
    this.#timer = setInterval(() => this.#tick(), TICK_MS)
    this.#timer.unref()
  }

  async shutdown(deadlineMs: number): Promise<void> {
    if (this.#timer === undefined) return
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#tick()
    await this.#output.drain(deadlineMs)
  }

  consume(batch: FlowBatch): void {
    this.#loss(batch)
    if (this.#config.verbosity === 'basic') this.#add(batch)
    else this.#show(batch)
    this.#output.flush()
  }

  #show(batch: FlowBatch): void {
    const limit = this.#config.flows_per_second || Number.POSITIVE_INFINITY
    const render = this.#config.verbosity === 'normal' ? compactLine : detailedRecord
    this.#ends.refresh()
    let row = 0
    while (row < batch.length && this.#shown < limit && this.#output.hasRoom) {
      this.#output.line(render(batch, row++, this.#ends, this.#colors))
      this.#shown++
    }
    this.#notShown += batch.length - row
    if (row < batch.length) this.#notShownCounter.add(batch.length - row)
  }

  #add(batch: FlowBatch): void {
    const { packets, bytes, verdict } = batch.columns
    this.#totals.flows += batch.length
    for (let i = 0; i < batch.length; i++) {
      this.#totals.packets += packets[i]!
      this.#totals.bytes += bytes[i]!
      if (verdict[i] === Verdict.DROPPED) this.#totals.dropped++
    }
  }

  #loss(batch: FlowBatch): void {
    for (const { count } of batch.lost) this.#output.line(`EVENTS LOST: ${count.toLocaleString('en')}`)
  }

  /** Once a second: tells what was left out, or the sums of the second. */
  #tick(): void {
    if (this.#notShown > 0 && this.#output.hasRoom) {
      this.#output.line(`… ${this.#notShown.toLocaleString('en')} flows not shown`)
      this.#notShown = 0
    }
    this.#shown = 0
    const { flows, packets, bytes, dropped } = this.#totals
    if (flows > 0) {
      const count = (n: number) => n.toLocaleString('en')
      this.#output.line(
        `flows: ${count(flows)}, packets: ${count(packets)}, bytes: ${count(bytes)}, dropped: ${count(dropped)}`,
      )
      this.#totals = { flows: 0, packets: 0, bytes: 0, dropped: 0 }
    }
    this.#output.flush()
  }
}
