import type { FlowBatch } from '../../src/flow/batch.ts'
import { type Endpoint, EndpointTable } from '../../src/flow/endpoint.ts'
import { defaultsOf } from '../../src/pipeline/config/decode.ts'
import { type KubernetesConfig, kubernetesConfig } from '../../src/processors/kubernetes/config.ts'
import { KubernetesProcessor } from '../../src/processors/kubernetes/processor.ts'
import { createContext, type RecordingContext } from './create-context.ts'
import { flowBatch, TCP_SYN } from './flows.ts'
import { Sink } from './sink.ts'

/** A `kubernetes` processor inside this process. */
export class RunningProcessor {
  readonly context: RecordingContext
  readonly table: EndpointTable
  readonly sink = new Sink()
  readonly processor: KubernetesProcessor

  private constructor(settings: Partial<KubernetesConfig>, table: EndpointTable) {
    this.table = table
    this.context = Object.assign(createContext('processor', 'kubernetes'), { endpoints: this.table })
    const config = { ...(defaultsOf(kubernetesConfig.schema) as unknown as KubernetesConfig), ...settings }
    this.processor = new KubernetesProcessor(this.context, config, this.sink)
  }

  /** Resolves when it has started. @param table of the service it is a part of */
  static async start(settings: Partial<KubernetesConfig>, table = new EndpointTable()): Promise<RunningProcessor> {
    const running = new RunningProcessor(settings, table)
    await running.processor.start()
    return running
  }

  /** What a flow from this address that happens now shows of its source. */
  async source(address: string): Promise<Endpoint> {
    const batch: FlowBatch = flowBatch([{ ...TCP_SYN, source: address, timeMs: Date.now() }])
    await this.processor.consume(batch)
    return this.table.get(batch.columns.sourceEndpoint[0]!)
  }

  stop(): Promise<void> {
    return this.processor.shutdown()
  }
}
