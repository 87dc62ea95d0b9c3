import type { FlowBatch } from '../../flow/batch.ts'
import { Ends } from '../../flow/ends.ts'
import { OtlpFlowEncoder } from '../../flow/otlp-encode.ts'
import { OtlpRequestEncoder } from '../../flow/otlp-request.ts'
import { type Component, type CreateContext, type FlowConsumer, RefusedError } from '../component.ts'
import { before } from '../deadline.ts'
import { openQueue } from '../sending-queue/open-queue.ts'
import type { QueueItem, SendingQueue } from '../sending-queue/queue.ts'
import type { Counter } from '../telemetry.ts'
import type { OtlpLink } from './answer.ts'
import { flowCounters } from './counters.ts'
import { Delivery, type Fate } from './delivery.ts'
import { FlowRequests } from './flow-requests.ts'
import type { OtlpConfig } from './settings.ts'

/** A full queue is asked again after this long, when nothing has left it: a disk may have room again. */
const ASK_AGAIN_MS = 1_000

/** How long requests under way take at most to notice that the link is closed. */
const CLOSE_MS = 250

/** What `start` makes. */
interface Machinery {
  link: OtlpLink
  delivery: Delivery<Uint8Array>
  requests: FlowRequests
  queue: SendingQueue
  endGauges(): void
  consumers: Promise<void>
}

/**
 * Flows as OTLP log records: encoded as they come, on the main thread, where the endpoints are known; they wait as
 * requests, in memory or on disk, and leave through several consumers.
 */
export class OtlpFlowExporter implements Component, FlowConsumer {
  readonly mutates = false
  readonly #context: CreateContext
  readonly #config: OtlpConfig
  readonly #connect: () => Promise<OtlpLink>
  readonly #refused: Counter
  #machinery: Machinery | undefined
  #stopping = false
  /** Until then the queue is known to be full. */
  #fullUntilMs = 0
  /** Requests that the queue took. */
  #taken = 0
  /** Requests of the batch that is handed over, where there is no queue. */
  readonly #underWay: Promise<Fate>[] = []
  /** Requests that wait for room, where the pipeline is to wait with them. */
  #overflow: QueueItem[] = []
  /** Ends when none of them waits any more. */
  #waiting: Promise<void> | undefined

  /** @param connect opens the way to the backend, when the exporter starts */
  constructor(context: CreateContext, config: OtlpConfig, connect: () => Promise<OtlpLink>) {
    this.#context = context
    this.#config = config
    this.#connect = connect
    const help = 'Flows that did not fit into the sending queue.'
    this.#refused = context.telemetry.counter('otelcol_exporter_enqueue_failed_flows', help, { exporter: context.id })
  }

  async start(): Promise<void> {
    const { retry_on_failure: retry, sending_queue } = this.#config
    // Loaded here: only who exports needs OpenTelemetry's packages.
    const { observerAttributes } = await import('./resource.ts')
    const context = this.#context
    const link = await this.#connect()
    const { queue, endGauges } = await openQueue(context, 'flows', sending_queue).catch((error) => {
      link.close()
      throw error
    })
    const counters = flowCounters(context)
    const delivery = new Delivery<Uint8Array>(context, {
      attempt: (request) => link.send('logs', request),
      retry,
      counters,
    })
    const requests = new FlowRequests({
      flows: new OtlpFlowEncoder(new Ends(context.endpoints)),
      requests: new OtlpRequestEncoder(observerAttributes(context.resource), {
        name: 'fovea',
        version: context.resource['service.version'] ?? '',
      }),
      batch: sending_queue.batch,
      emit: (item) => this.#enqueue(item),
    })
    const machinery = { link, delivery, requests, queue, endGauges }
    const loops = Array.from({ length: sending_queue.num_consumers }, () => this.#send(machinery))
    this.#machinery = { ...machinery, consumers: Promise.all(loops).then(() => {}) }
  }

  consume(batch: FlowBatch): void | Promise<void> {
    const machinery = this.#machinery
    if (this.#stopping || machinery === undefined) throw new RefusedError('the exporter is shutting down')
    const { block_on_overflow } = this.#config.sending_queue
    if (!block_on_overflow && performance.now() < this.#fullUntilMs) {
      this.#refused.add(batch.length)
      throw new RefusedError('sending queue is full')
    }
    if (!this.#config.sending_queue.enabled) return this.#deliverNow(batch, machinery)
    const before = this.#taken
    machinery.requests.add(batch, Date.now())
    if (this.#waiting !== undefined) return this.#waiting
    const nothing = batch.length > 0 && this.#taken === before && machinery.requests.waiting === 0
    if (nothing) throw new RefusedError('sending queue is full')
  }

  async shutdown(deadlineMs: number): Promise<void> {
    if (this.#stopping) return
    this.#stopping = true
    const machinery = this.#machinery
    if (machinery === undefined) return
    const { requests, queue, delivery, consumers, link, endGauges } = machinery
    requests.flush()
    queue.stop()
    // It is told that there will be no room.
    await this.#waiting
    delivery.stopRetrying()
    await before(deadlineMs, consumers)
    link.close()
    // What was under way fails now, and counts as left.
    await before(Date.now() + CLOSE_MS, consumers)
    endGauges()
    const left = await queue.close()
    if (left === 0) return
    flowCounters(this.#context).failed.add(left)
    this.#context.log.warn({ dropped_items: left }, 'Shut down before everything was sent. Dropping data.')
  }

  /** Without a queue: the pipeline waits, and learns what became of the batch. @throws Error when a part was not delivered */
  async #deliverNow(batch: FlowBatch, { requests }: Machinery): Promise<void> {
    requests.add(batch, Date.now())
    requests.flush()
    const fates = await Promise.all(this.#underWay.splice(0))
    if (!fates.every((fate) => fate === 'taken')) throw new Error('the backend did not take the flows')
  }

  async #deliver({ bytes, flows }: QueueItem, { delivery }: Machinery): Promise<Fate> {
    const fate = await delivery.deliver(bytes, flows)
    if (fate === 'interrupted') flowCounters(this.#context).failed.add(flows)
    return fate
  }

  #enqueue(item: QueueItem): void {
    if (!this.#config.sending_queue.enabled) {
      this.#underWay.push(this.#deliver(item, this.#machinery!))
      return
    }
    const { queue } = this.#machinery!
    if (this.#overflow.length === 0 && queue.offer(item)) {
      this.#taken++
      return
    }
    if (this.#config.sending_queue.block_on_overflow && !this.#stopping) {
      this.#overflow.push(item)
      this.#waiting ??= this.#waitForRoom(queue).finally(() => {
        this.#waiting = undefined
      })
      return
    }
    this.#refused.add(item.flows)
    this.#fullUntilMs = performance.now() + ASK_AGAIN_MS
  }

  /** The pipeline hands over no further batch meanwhile, so there is one batch of overflow at most, and what it left to wait for more. */
  async #waitForRoom(queue: SendingQueue): Promise<void> {
    await queue.room()
    while (this.#overflow.length > 0) {
      if (queue.offer(this.#overflow[0]!)) {
        this.#overflow.shift()
        continue
      }
      if (this.#stopping) break
      await queue.room()
    }
    for (const { flows } of this.#overflow.splice(0)) this.#refused.add(flows)
  }

  async #send({ queue, delivery }: Pick<Machinery, 'queue' | 'delivery'>): Promise<void> {
    for (let item = await queue.take(); item !== undefined; item = await queue.take()) {
      const fate = await delivery.deliver(item.bytes, item.flows)
      if (fate === 'interrupted') continue
      queue.done(item)
      this.#fullUntilMs = 0
    }
  }
}
