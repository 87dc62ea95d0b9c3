import type { FlowBatch } from '../../flow/batch.ts'
import { EndpointTable } from '../../flow/endpoint.ts'
import { LostSource } from '../../flow/enums.ts'
import { Losses } from '../../flow/losses.ts'
import { type Component, type CreateContext, type FlowConsumer, RefusedError } from '../../pipeline/component.ts'
import { reloadEvents } from '../../pipeline/settings/server-reports.ts'
import { grpcChannelCredentials } from '../../pipeline/settings/tls-client.ts'
import type { HubbleReceiverConfig } from './config.ts'
import { FlowRows } from './flow-rows.ts'
import { ForeignEndpoints } from './foreign-endpoints.ts'
import { HubbleReceiverMetrics } from './metrics.ts'
import { decodeLostEvents } from './node-messages.ts'
import { NodeReports } from './node-reports.ts'
import type { ObserverStream } from './observer-stream.ts'
import { ObserverStreams } from './observer-streams.ts'
import { Answer, ResponseReader } from './response-reader.ts'
import { TICKS, type TimedFlow, TimeOrder } from './time-order.ts'

/** Flows are handed on after this time, however few. */
const FLUSH_MS = 50
const SWEEP_MS = 5_000

/** A client of Hubble observers (Cilium's agents, Retina, hubble-relay, other fovea agents): follows their flows and hands them on as they came. */
export class HubbleReceiver implements Component {
  readonly #context: CreateContext
  readonly #config: HubbleReceiverConfig
  readonly #next: FlowConsumer
  readonly #endpoints: ForeignEndpoints
  readonly #rows: FlowRows
  readonly #order: TimeOrder
  readonly #metrics: HubbleReceiverMetrics
  readonly #reports: NodeReports
  readonly #streams: ObserverStreams
  readonly #reader = new ResponseReader()
  readonly #losses = new Losses()
  #timers: NodeJS.Timeout[] = []
  /** Batches on their way; the observers wait meanwhile. */
  #delivering = 0
  #delivered: Promise<void> = Promise.resolve()
  #told = { late: 0, endpoints: 0, l7: 0 }

  constructor(context: CreateContext, config: HubbleReceiverConfig, next: FlowConsumer) {
    const table = context.endpoints ?? new EndpointTable()
    this.#context = context
    this.#config = config
    this.#next = next
    this.#endpoints = new ForeignEndpoints(table, config.max_endpoints)
    this.#rows = new FlowRows(table, this.#endpoints)
    this.#order = new TimeOrder(config.merge.max_flows, (flow) => this.#emit(flow))
    this.#metrics = new HubbleReceiverMetrics(context, {
      observers: () => this.#streams.size,
      connected: () => this.#streams.connected,
      waiting: () => this.#order.size,
      endpoints: () => this.#endpoints.size,
    })
    this.#reports = new NodeReports(context, table.cluster.observed, this.#metrics)
    this.#streams = new ObserverStreams(context, config, {
      metrics: this.#metrics,
      nodes: table.cluster.observed,
      message: (stream, bytes) => this.#message(stream, bytes),
    })
  }

  /** Rejects when a file of `tls` cannot be read; an observer that is not there yet is waited for. */
  async start(): Promise<void> {
    this.#streams.start(await grpcChannelCredentials(this.#config.tls, reloadEvents(this.#context)))
    this.#timers = [
      setInterval(() => this.#flush(), FLUSH_MS),
      setInterval(() => this.#order.tick(), Math.max(1, this.#config.merge.max_delay / TICKS)),
      setInterval(() => this.#endpoints.sweep(), SWEEP_MS),
    ]
  }

  async shutdown(deadlineMs: number): Promise<void> {
    for (const timer of this.#timers.splice(0)) clearInterval(timer)
    await this.#streams.stop()
    this.#order.flush()
    this.#deliver()
    await Promise.race([this.#delivered, later(deadlineMs - Date.now())])
    this.#endpoints.close()
    this.#reports.clear()
    this.#metrics.end()
  }

  /** An answer of an observer. A malformed one is counted, the next one may be better. */
  #message(stream: ObserverStream, bytes: Uint8Array): void {
    try {
      this.#reader.read(bytes)
      const { at, end } = this.#reader
      switch (this.#reader.answer) {
        case Answer.FLOW:
          this.#flow(stream, bytes)
          break
        case Answer.LOST_EVENTS:
          this.#lost(bytes)
          break
        case Answer.NODE_STATUS:
          this.#reports.take(bytes.subarray(at, end), stream.settings.name)
      }
    } catch (error) {
      this.#malformed(stream.settings.name, error as Error)
    }
  }

  #flow(stream: ObserverStream, bytes: Uint8Array): void {
    const { at, end, seconds, nanos } = this.#reader
    switch (stream.take(bytes, this.#reader)) {
      case 'seen':
        this.#metrics.duplicates.add(1)
        return
      case 'after_gap':
        this.#metrics.gaps.add(1)
        this.#context.log.warn(
          `${stream.settings.name} goes on without the last flow it told: flows of the time between may be missing`,
        )
    }
    this.#order.push({ bytes, at, end, seconds, nanos })
  }

  #lost(bytes: Uint8Array): void {
    const lost = decodeLostEvents(bytes)
    this.#losses.restore([lost])
    this.#metrics.lost(lost.source, lost.count)
  }

  /** The flow's turn has come. */
  #emit(flow: TimedFlow): void {
    if (!this.#rows.add(flow.bytes, flow.at, flow.end, flow))
      this.#malformed('an observer', new Error('a flow is malformed'))
    if (this.#rows.full) this.#deliver()
  }

  #malformed(name: string, error: Error): void {
    this.#metrics.malformed.add(1)
    this.#metrics.failed.add(1)
    this.#losses.add(LostSource.OBSERVER_EVENTS_QUEUE, 1)
    this.#context.log.debug(`${name} sent what cannot be read: ${error.message}`)
  }

  #flush(): void {
    this.#streams.advance(this.#order)
    this.#deliver()
    const { late } = this.#order
    const { refused } = this.#endpoints
    const { l7Refused } = this.#rows
    this.#metrics.late.add(late - this.#told.late)
    this.#metrics.refusedEndpoints.add(refused - this.#told.endpoints)
    this.#metrics.refusedL7.add(l7Refused - this.#told.l7)
    this.#told = { late, endpoints: refused, l7: l7Refused }
  }

  #deliver(): void {
    if (this.#rows.length === 0 && !this.#losses.pending) return
    const batch = this.#rows.take(this.#losses.take())
    if (this.#delivering++ === 0) this.#streams.pause()
    this.#delivered = this.#delivered.then(() => this.#hand(batch))
  }

  /** The pipeline counts and logs what it refuses; whoever reads flows later is told how many nobody has. */
  async #hand(batch: FlowBatch): Promise<void> {
    try {
      await this.#next.consume(batch)
    } catch (error) {
      // Nobody kept anything. After another error some have the flows, and were told what was lost before them.
      if (error instanceof RefusedError) {
        this.#losses.restore(batch.lost)
        this.#losses.add(LostSource.OBSERVER_EVENTS_QUEUE, batch.length)
      }
    } finally {
      batch.release()
      if (--this.#delivering === 0) this.#streams.resume()
    }
  }
}

function later(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)).unref())
}
