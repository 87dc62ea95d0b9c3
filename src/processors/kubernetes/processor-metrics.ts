import type { EndpointTable } from '../../flow/endpoint.ts'
import type { CreateContext } from '../../pipeline/component.ts'
import type { Counter } from '../../pipeline/telemetry.ts'
import type { BatchNamer } from './batch-namer.ts'
import type { ClusterModel } from './cluster-model.ts'
import type { HeldBatches } from './held-batches.ts'

/** What the processor tells of itself. */
export class ProcessorMetrics {
  readonly early: Counter
  readonly unobserved: Counter
  readonly forgotten: Counter
  readonly #context: CreateContext
  readonly #model: ClusterModel
  readonly #table: EndpointTable
  readonly #namer: BatchNamer
  #ends: (() => void)[] = []

  constructor(context: CreateContext, model: ClusterModel, table: EndpointTable, namer: BatchNamer) {
    this.#context = context
    this.#model = model
    this.#table = table
    this.#namer = namer
    const counter = (name: string, help: string) =>
      context.telemetry.counter(`fovea_kubernetes_${name}`, help, { processor: context.id })
    this.early = counter('batches_released_early', 'Held batches that went on because of max_waiting_flows.')
    this.unobserved = counter('flows_unobserved', 'Flows removed because nobody at their ends is observed.')
    this.forgotten = counter('drops_not_counted', 'Drops of which no Event can tell: too many kinds at a time.')
  }

  start(held: HeldBatches): void {
    const { ownership, owners } = this.#model
    this.#ends = [
      this.#gauge('addresses', 'Addresses that are known.', () => ownership.addresses.size),
      this.#gauge('owners', 'Pods, nodes and services that have or had them.', () => owners.size),
      this.#gauge('past_owners', 'Past owners of addresses and ports that are known.', () => this.#model.history),
      this.#gauge('endpoints', 'Endpoint ids in use.', () => this.#table.used),
      this.#gauge('endpoints_waiting', 'Endpoint ids that flows may still name.', () => this.#table.waiting),
      this.#gauge('waiting_flows', 'Flows held for news of an end.', () => held.flows),
      this.#count('ends_unmanaged', 'Ends in pod networks that nobody has.', () => this.#namer.unmanaged),
      this.#count('past_owners_evicted', 'Past owners forgotten because of max_history.', () => this.#model.evicted),
      this.#count('endpoints_refused', 'Ends left unnamed: no endpoint id was free.', () => this.#table.refused),
    ]
  }

  end(): void {
    for (const end of this.#ends) end()
    this.#ends = []
  }

  #gauge(name: string, help: string, read: () => number): () => void {
    const { telemetry, id } = this.#context
    return telemetry.gauge(`fovea_kubernetes_${name}`, help, { processor: id }, read)
  }

  /** A counter that something hot counts itself. */
  #count(name: string, help: string, read: () => number): () => void {
    const { telemetry, id } = this.#context
    return telemetry.countOf(`fovea_kubernetes_${name}`, help, { processor: id }, read)
  }
}
