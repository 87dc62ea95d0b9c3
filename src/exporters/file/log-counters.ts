import type { CreateContext } from '../../pipeline/component.ts'
import { exporterCounters } from '../../pipeline/observe.ts'
import type { Counter } from '../../pipeline/telemetry.ts'

/** Why a flow did not get into the file. */
const LOSSES = ['queue_full', 'shutdown', 'output_closed', 'malformed', 'too_long'] as const
export type LossCause = (typeof LOSSES)[number]

/** What all flow logs of an exporter count. */
export interface LogCounters {
  sent: Counter
  /** Lost flows, in the Collector's counter and by cause. */
  lost(cause: LossCause, flows: number): void
  /** Bytes of lines written. */
  written: Counter
  /** Writes that failed and are tried again. */
  writeFailures: Counter
  rotations: Counter
  tidyFailures: Counter
  /** Aggregates written before their time because there was no room for more keys. */
  earlyFlushes: Counter
}

export function logCounters({ telemetry, id }: CreateContext): LogCounters {
  const { sent, failed } = exporterCounters(telemetry, id)
  const counter = (name: string, help: string) => telemetry.counter(name, help, { exporter: id })
  const refused = counter('otelcol_exporter_enqueue_failed_flows', 'Flows that did not fit into the sending queue.')
  const causes = new Map(
    LOSSES.map((cause) => {
      const labels = { exporter: id, cause }
      return [cause, telemetry.counter('fovea_file_lost_flows', 'Flows that are in no file, by cause.', labels)]
    }),
  )
  return {
    sent,
    lost: (cause, flows) => {
      if (flows === 0) return
      causes.get(cause)?.add(flows)
      // As with every queue: what never got in is no failed send.
      if (cause === 'queue_full') refused.add(flows)
      else failed.add(flows)
    },
    written: counter('fovea_file_written_bytes', 'Bytes of lines written.'),
    writeFailures: counter('fovea_file_write_failures', 'Writes that failed, for example on a full disk; tried again.'),
    rotations: counter('fovea_file_rotations', 'Files rotated.'),
    tidyFailures: counter('fovea_file_tidy_failures', 'Runs that could not remove or compress every old file.'),
    earlyFlushes: counter('fovea_file_early_flushes', 'Aggregates written early because there were too many keys.'),
  }
}
