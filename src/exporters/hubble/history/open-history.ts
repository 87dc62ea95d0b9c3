import type { EndpointTable } from '../../../flow/endpoint.ts'
import type { CreateContext } from '../../../pipeline/component.ts'
import type { HistoryConfig } from './config.ts'
import { History, type HistoryObserver } from './history.ts'

/** The history that the settings ask for, not open yet; undefined = none. */
export function historyOf(
  { directory, max_bytes, max_age }: HistoryConfig,
  context: CreateContext,
  endpoints: EndpointTable,
): History | undefined {
  if (directory === '') return undefined
  return new History({ directory, maxBytes: max_bytes, maxAgeMs: max_age, endpoints, observer: observerOf(context) })
}

/** Makes metrics, log lines and the component's status of what happens. */
function observerOf({ telemetry, id, log, report }: CreateContext): HistoryObserver {
  const lostCounter = (reason: string) =>
    telemetry.counter('otelcol_exporter_hubble_history_lost_events', 'Events that could not be written to disk.', {
      exporter: id,
      reason,
    })
  const lost = { queue_full: lostCounter('queue_full'), write_failed: lostCounter('write_failed') }
  const damaged = telemetry.counter(
    'otelcol_exporter_hubble_history_damaged_blocks',
    'Parts of files on disk that could not be read.',
    { exporter: id },
  )
  return {
    lost: (events, why) => lost[why].add(events),
    damaged: () => damaged.add(1),
    writing: (failure) => {
      if (failure === undefined) {
        log.info('history: writing works again')
        report({ at: 'ok' })
        return
      }
      log.warn(`history: cannot write: ${failure.message}`)
      report({ at: 'recoverable_error', error: new Error(`history: ${failure.message}`, { cause: failure }) })
    },
  }
}

/** Shows a history's size. Returns functions that end that. */
export function historyGauges(history: History, { telemetry, id }: CreateContext): (() => void)[] {
  const gauge = (name: string, help: string, read: () => number) =>
    telemetry.gauge(`otelcol_exporter_hubble_history_${name}`, help, { exporter: id }, read)
  return [
    gauge('events', 'Events on disk.', () => history.events),
    gauge('bytes', 'Bytes of files on disk.', () => history.bytes),
    gauge(
      'memory_bytes',
      'Memory of events that wait to be written, and of those read last.',
      () => history.memoryBytes,
    ),
  ]
}
