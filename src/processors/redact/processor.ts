import type { Logger } from 'pino'
import { FlowBatch } from '../../flow/batch.ts'
import { ForeignBuilder, type ForeignFlows } from '../../flow/foreign.ts'
import type { Component, CreateContext, FlowConsumer } from '../../pipeline/component.ts'
import type { Counter } from '../../pipeline/telemetry.ts'
import { makeRedactor, type RedactConfig } from './config.ts'
import { FlowRewriter } from './foreign-rewrite.ts'
import { redactL7 } from './l7-rewrite.ts'
import type { Redactor } from './redacted.ts'

/** Takes out of flows what must not leave, wherever a flow holds it. A row with which that fails goes no further. */
export class RedactProcessor implements Component, FlowConsumer {
  readonly mutates = true
  readonly #redactor: Redactor
  readonly #rewriter: FlowRewriter
  readonly #next: FlowConsumer
  readonly #log: Logger
  readonly #redacted: Counter
  readonly #dropped: Counter
  #keep = new Uint8Array(1024)

  constructor(context: CreateContext, config: RedactConfig, next: FlowConsumer) {
    this.#redactor = makeRedactor(config)
    this.#rewriter = new FlowRewriter(this.#redactor)
    this.#next = next
    this.#log = context.log
    const labels = { processor: context.id }
    const { telemetry } = context
    this.#redacted = telemetry.counter('fovea_redact_redacted_flows', 'Flows out of which something was taken.', labels)
    this.#dropped = telemetry.counter('fovea_redact_dropped_flows', 'Flows that could not be redacted.', labels)
  }

  async start(): Promise<void> {}

  async shutdown(): Promise<void> {}

  consume(batch: FlowBatch): void | Promise<void> {
    const clean = this.#redactOrDrop(batch)
    if (clean.length > 0 || clean.lost.length > 0) return this.#next.consume(clean)
  }

  /** Whatever goes wrong, nothing unredacted goes further. */
  #redactOrDrop(batch: FlowBatch): FlowBatch {
    try {
      return this.#redact(batch)
    } catch (error) {
      this.#dropped.add(batch.length)
      this.#log.error({ err: error, flows: batch.length }, 'Flows could not be redacted. Dropping data.')
      return FlowBatch.allocate(0, batch.lost)
    }
  }

  #redact(batch: FlowBatch): FlowBatch {
    if (this.#keep.length < batch.length) this.#keep = new Uint8Array(2 * batch.length)
    const keep = this.#keep.fill(1, 0, batch.length)
    const touched = new Uint8Array(batch.length)
    if (this.#redactor.redactsNames) this.#redactNames(batch, touched)
    const l7 = batch.l7.length === 0 ? undefined : redactL7(batch.l7, this.#redactor)
    const foreign = batch.foreign && this.#redactForeign(batch.foreign, keep, touched)
    if (l7 !== undefined) {
      const rows = batch.columns.l7
      for (let row = 0; row < batch.length; row++) {
        if (rows[row] === 0) continue
        touched[row]! |= l7.touched[rows[row]! - 1]!
        if (l7.failed[rows[row]! - 1] === 1) keep[row] = 0
      }
    }
    let flows = 0
    for (let row = 0; row < batch.length; row++) flows += touched[row]! & keep[row]!
    this.#redacted.add(flows)
    const clean = l7 === undefined && foreign === undefined ? batch : replaced(batch, l7?.parts, foreign)
    const kept = clean.select(keep)
    this.#dropped.add(batch.length - kept.length)
    return kept
  }

  /**
   * In the batch's own strings, so that no name stays in memory: another column with the same text loses it, too, and so
   * do strings that no row names any more.
   */
  #redactNames({ length, columns, strings }: FlowBatch, touched: Uint8Array): void {
    const { sourceNames, destinationNames, interfaceName, dropReasonName, dropLocation } = columns
    const used = new Uint8Array(strings.length)
    for (const column of [interfaceName, dropReasonName, dropLocation]) mark(used, column, length, OTHER)
    for (const column of [sourceNames, destinationNames]) mark(used, column, length, NAME)
    for (let i = 1; i < strings.length; i++) {
      if (used[i] !== OTHER && this.#redactString(strings, i)) used[i] = REPLACED
    }
    for (let row = 0; row < length; row++) {
      if (used[sourceNames[row]!] === REPLACED || used[destinationNames[row]!] === REPLACED) touched[row] = 1
    }
  }

  #redactString(strings: string[], index: number): boolean {
    const before = strings[index]!
    strings[index] = this.#redactor.names(before)
    return strings[index] !== before
  }

  /** @returns undefined when no flow changed */
  #redactForeign(foreign: ForeignFlows, keep: Uint8Array, touched: Uint8Array): ForeignFlows | undefined {
    const flows: Uint8Array[] = []
    let changed = false
    for (let row = 0; row < foreign.length; row++) {
      const before = foreign.raw(row)
      const after = this.#rewrite(before)
      if (after === undefined) keep[row] = 0
      if (after !== before) {
        changed = true
        touched[row] = 1
      }
      flows.push(after ?? NOTHING)
    }
    if (!changed) return undefined
    const builder = new ForeignBuilder(
      flows.length,
      flows.reduce((sum, flow) => sum + flow.length, 0),
    )
    for (const flow of flows) builder.add(flow)
    return builder.take()
  }

  /** @returns undefined when it cannot be redacted */
  #rewrite(flow: Uint8Array): Uint8Array | undefined {
    try {
      return this.#rewriter.rewrite(flow)
    } catch {
      // Malformed, or whatever else: the flow must not leave, and is counted.
      return undefined
    }
  }
}

const NOTHING = new Uint8Array(0)

/** What a string of a batch is: a DNS name, something else, a name that was replaced. */
const OTHER = 1
const NAME = 2
const REPLACED = 3

function mark(used: Uint8Array, column: Uint16Array, length: number, what: number): void {
  for (let row = 0; row < length; row++) used[column[row]!] = what
}

/** The same rows with another L7 table or other encoded flows. */
function replaced(
  batch: FlowBatch,
  l7: FlowBatch['l7']['parts'] | undefined,
  foreign: ForeignFlows | undefined,
): FlowBatch {
  // The columns are shared, so that whoever made the batch must not free them.
  batch.retain()
  const { length, capacity, buffer, strings, epoch } = batch
  const flows = foreign ?? batch.foreign?.share()
  return new FlowBatch(
    { length, capacity, buffer, strings, l7: l7 ?? batch.l7.parts, epoch, foreign: flows },
    batch.lost,
  )
}
