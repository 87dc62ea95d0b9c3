import type { Logger } from 'pino'
import type { FlowBatch } from '../flow/batch.ts'
import type { ComponentId, FlowConsumer } from './component.ts'
import { rarely } from './rarely.ts'
import type { Counter, Telemetry } from './telemetry.ts'

/** Counters around components, under the Collector's names, so that every component has them. */

/** What a receiver hands its batches to: counts `otelcol_receiver_accepted_flows` and `_refused_flows` by how they end. */
export function observeReceiver(next: FlowConsumer, id: ComponentId, telemetry: Telemetry, log: Logger): FlowConsumer {
  const counter = (name: string, help: string) =>
    telemetry.counter(`otelcol_receiver_${name}_flows`, help, { receiver: id })
  const accepted = counter('accepted', 'Flows that went through the pipelines.')
  const refused = counter('refused', 'Flows that the pipelines did not take.')
  counter('failed', 'Flows that the receiver itself lost.')
  const tell = rarely((since, error: unknown) => log.warn({ err: error, flows: since }, 'Data refused by the pipeline'))
  return watched(next, {
    done: (flows) => accepted.add(flows),
    failed: (flows, error) => {
      refused.add(flows)
      tell(flows, error)
    },
  })
}

/** What feeds a processor: counts `otelcol_processor_incoming_items`. */
export function observeIncoming<C extends FlowConsumer>(
  processor: C,
  id: ComponentId,
  telemetry: Telemetry,
): FlowConsumer {
  const incoming = telemetry.counter('otelcol_processor_incoming_items', 'Items handed to the processor.', {
    processor: id,
    otel_signal: 'flows',
  })
  return entered(processor, incoming)
}

/** What a processor hands its batches to: counts `otelcol_processor_outgoing_items`. */
export function observeOutgoing(next: FlowConsumer, id: ComponentId, telemetry: Telemetry): FlowConsumer {
  const outgoing = telemetry.counter('otelcol_processor_outgoing_items', 'Items the processor handed on.', {
    processor: id,
    otel_signal: 'flows',
  })
  return entered(next, outgoing)
}

/** Counters of an exporter, for one that knows only later what became of the data. */
export function exporterCounters(telemetry: Telemetry, id: ComponentId): { sent: Counter; failed: Counter } {
  return {
    sent: telemetry.counter('otelcol_exporter_sent_flows', 'Flows delivered.', { exporter: id }),
    failed: telemetry.counter('otelcol_exporter_send_failed_flows', 'Flows that could not be delivered.', {
      exporter: id,
    }),
  }
}

/** What feeds an exporter: counts `otelcol_exporter_sent_flows` and `_send_failed_flows` by how `consume` ends. */
export function observeExporter(exporter: FlowConsumer, id: ComponentId, telemetry: Telemetry): FlowConsumer {
  const { sent, failed } = exporterCounters(telemetry, id)
  return watched(exporter, { done: (flows) => sent.add(flows), failed: (flows) => failed.add(flows) })
}

interface Outcome {
  done(flows: number): void
  failed(flows: number, error: unknown): void
}

function watched(inner: FlowConsumer, outcome: Outcome): FlowConsumer {
  return {
    mutates: inner.mutates,
    consume(batch: FlowBatch): void | Promise<void> {
      const flows = batch.length
      const fail = (error: unknown): never => {
        outcome.failed(flows, error)
        throw error
      }
      try {
        const pending = inner.consume(batch)
        if (pending !== undefined) return pending.then(() => outcome.done(flows), fail)
      } catch (error) {
        fail(error)
      }
      outcome.done(flows)
    },
  }
}

function entered(inner: FlowConsumer, counter: Counter): FlowConsumer {
  return {
    mutates: inner.mutates,
    consume(batch: FlowBatch): void | Promise<void> {
      counter.add(batch.length)
      return inner.consume(batch)
    },
  }
}
