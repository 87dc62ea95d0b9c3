import type { HrTime, LogRecord } from '@opentelemetry/api'
import type { BatchLogRecordProcessor } from '@opentelemetry/sdk-logs'
import type { FlowBatch } from '../../flow/batch.ts'
import { Ends } from '../../flow/ends.ts'
import { FlowRecordEncoder } from '../../flow/otlp-encode.ts'
import { type Component, type CreateContext, type FlowConsumer, RefusedError } from '../../pipeline/component.ts'
import { before } from '../../pipeline/deadline.ts'
import { exporterCounters } from '../../pipeline/observe.ts'
import { reloadEvents } from '../../pipeline/settings/server-reports.ts'
import type { Counter } from '../../pipeline/telemetry.ts'
import type { OtlpGrpcConfig } from './config.ts'
import { FlowQueue } from './flow-queue.ts'
import type { Sender } from './sender.ts'

/** setTimeout's longest; the sender has its own end. */
const FOREVER_MS = 2 ** 31 - 1

/** What `start` makes. */
interface Machinery {
  sender: Sender<unknown>
  processor: BatchLogRecordProcessor
  emit(record: LogRecord): void
}

/**
 * Flows as OTLP log records. Batches wait as columns; rows become records only when a request is filled, so a backend
 * that is away costs no more than the bounded queue.
 */
export class OtlpFlowExporter implements Component, FlowConsumer {
  readonly mutates = false
  readonly #context: CreateContext
  readonly #config: OtlpGrpcConfig
  readonly #queue: FlowQueue
  readonly #encoder: FlowRecordEncoder
  readonly #refused: Counter
  readonly #failed: Counter
  #machinery: Machinery | undefined
  #endGauges: (() => void)[] = []
  #timer: NodeJS.Timeout | undefined
  #sending: Promise<void> | undefined
  #stopping = false

  constructor(context: CreateContext, config: OtlpGrpcConfig) {
    const labels = { exporter: context.id }
    this.#context = context
    this.#config = config
    this.#encoder = new FlowRecordEncoder(new Ends(context.endpoints))
    this.#queue = new FlowQueue(config.sending_queue.queue_size)
    this.#failed = exporterCounters(context.telemetry, context.id).failed
    const help = 'Flows that did not fit into the sending queue.'
    this.#refused = context.telemetry.counter('otelcol_exporter_enqueue_failed_flows', help, labels)
  }

  async start(): Promise<void> {
    this.#machinery = await makeMachinery(this.#context, this.#config)
    const labels = { exporter: this.#context.id, data_type: 'flows' }
    const { telemetry } = this.#context
    const capacity = this.#config.sending_queue.queue_size
    this.#endGauges = [
      telemetry.gauge('otelcol_exporter_queue_size', 'Flows waiting or in flight.', labels, () => this.#queue.size),
      telemetry.gauge('otelcol_exporter_queue_capacity', 'Most flows of the queue.', labels, () => capacity),
      telemetry.gauge('fovea_exporter_queue_bytes', 'Memory of the flows that wait.', labels, () => this.#queue.bytes),
    ]
  }

  consume(batch: FlowBatch): void {
    if (this.#stopping) throw new RefusedError('the exporter is shutting down')
    const taken = this.#queue.push(batch, Date.now())
    if (taken < batch.length) this.#refused.add(batch.length - taken)
    if (taken === 0 && batch.length > 0) throw new RefusedError('sending queue is full')
    this.#schedule()
  }

  async shutdown(deadlineMs: number): Promise<void> {
    if (this.#stopping) return
    this.#stopping = true
    clearTimeout(this.#timer)
    for (const end of this.#endGauges) end()
    const machinery = this.#machinery
    if (machinery === undefined) return
    machinery.sender.stopRetrying()
    await before(deadlineMs, this.#drain(deadlineMs))
    const left = this.#queue.take(Number.POSITIVE_INFINITY, () => {})
    if (left > 0) {
      this.#failed.add(left)
      this.#context.log.warn({ dropped_items: left }, 'Shut down before everything was sent. Dropping data.')
    }
    // Waits for a request still under way, and then closes the channel.
    await before(deadlineMs, machinery.processor.shutdown())
  }

  /** Sends at once when a request is full, else when the first flow has waited long enough. */
  #schedule(): void {
    const { max_size, flush_timeout } = this.#config.sending_queue.batch
    if (this.#sending !== undefined || this.#stopping || this.#machinery === undefined) return
    if (this.#queue.waiting >= max_size) this.#send()
    else if (this.#queue.waiting > 0) this.#timer ??= setTimeout(() => this.#send(), flush_timeout)
  }

  #send(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#sending = this.#request().finally(() => {
      this.#sending = undefined
      this.#schedule()
    })
  }

  /** One request; resolves when it was delivered or given up. */
  async #request(): Promise<void> {
    const { processor, emit } = this.#machinery!
    this.#encoder.refresh()
    const flows = this.#queue.take(this.#config.sending_queue.batch.max_size, (batch, row, receivedMs) => {
      emit(this.#encoder.record(batch, row, hrTime(receivedMs)))
    })
    await processor.forceFlush()
    this.#queue.settle(flows)
  }

  async #drain(deadlineMs: number): Promise<void> {
    await this.#sending
    while (this.#queue.waiting > 0 && Date.now() < deadlineMs) await this.#request()
  }
}

/** OpenTelemetry's packages are loaded here, when the exporter starts. */
async function makeMachinery(context: CreateContext, config: OtlpGrpcConfig): Promise<Machinery> {
  const { OTLPLogExporter } = await import('@opentelemetry/exporter-logs-otlp-grpc')
  const { BatchLogRecordProcessor, LoggerProvider } = await import('@opentelemetry/sdk-logs')
  const { clientSettings } = await import('./client.ts')
  const { observerResource } = await import('./resource.ts')
  const { takeDiagnostics } = await import('./diagnostics.ts')
  const { Sender } = await import('./sender.ts')
  takeDiagnostics(context.log)
  const sender = new Sender(context, {
    exporter: new OTLPLogExporter(await clientSettings(config, userAgent(context), reloadEvents(context))),
    retry: config.retry_on_failure,
    count: (records) => records.length,
    ...exporterCounters(context.telemetry, context.id),
  })
  const { max_size } = config.sending_queue.batch
  const processor = new BatchLogRecordProcessor({
    exporter: sender,
    maxQueueSize: max_size,
    maxExportBatchSize: max_size,
    exportTimeoutMillis: FOREVER_MS,
  })
  const provider = new LoggerProvider({ resource: observerResource(context.resource), processors: [processor] })
  const logger = provider.getLogger('fovea', context.resource['service.version'])
  return { sender: sender as Sender<unknown>, processor, emit: (record) => logger.emit(record) }
}

/** `fovea/1.2.3`, before the library's own. */
export function userAgent(context: CreateContext): string {
  return `fovea/${context.resource['service.version'] ?? 'unknown'}`
}

function hrTime(ms: number): HrTime {
  return [Math.floor(ms / 1000), (ms % 1000) * 1e6]
}
