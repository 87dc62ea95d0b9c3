import type { FlowBatch } from '../../flow/batch.ts'
import { EndpointTable } from '../../flow/endpoint.ts'
import { Ends } from '../../flow/ends.ts'
import { compileFilters, type RowFilter } from '../../hubble/filters/compile.ts'
import { readFlowFilters } from '../../hubble/filters/read-json.ts'
import type { Component, CreateContext, FlowConsumer } from '../../pipeline/component.ts'
import type { Counter } from '../../pipeline/telemetry.ts'
import type { FilterConfig } from './config.ts'

/** Passes on the flows that the allow list lets in and the deny list does not keep out. */
export class FilterProcessor implements Component, FlowConsumer {
  /** What is left of a batch is a new one; the batch itself stays as it is. */
  readonly mutates = false
  readonly #next: FlowConsumer
  readonly #filter: RowFilter
  readonly #filtered: Counter
  #keep = new Uint8Array(1024)

  /** @throws FilterError when the configuration was not checked */
  constructor(context: CreateContext, config: FilterConfig, next: FlowConsumer) {
    const { nodeName, telemetry, id } = context
    const ends = new Ends(context.endpoints ?? new EndpointTable())
    this.#next = next
    this.#filter = compileFilters(readFlowFilters(config.allow), readFlowFilters(config.deny), { ends, nodeName })
    this.#filtered = telemetry.counter('otelcol_processor_filter_flows_filtered', 'Flows the filters kept out.', {
      processor: id,
    })
  }

  async start(): Promise<void> {}

  async shutdown(): Promise<void> {}

  consume(batch: FlowBatch): void | Promise<void> {
    if (this.#keep.length < batch.length) this.#keep = new Uint8Array(2 * batch.length)
    this.#filter(batch, 0, batch.length, this.#keep)
    const kept = batch.select(this.#keep)
    this.#filtered.add(batch.length - kept.length)
    // Losses are news even where no flow is left beside them.
    if (kept.length > 0 || kept.lost.length > 0) return this.#next.consume(kept)
  }
}
