import type { CreateContext } from '../component.ts'
import { exporterCounters } from '../observe.ts'
import type { Counter } from '../telemetry.ts'

/** Counters of what became of data, by name of the items. */
export interface FateCounters {
  sent: Counter
  failed: Counter
  rejected: Counter
}

/** Counters of flows. */
export function flowCounters({ telemetry, id }: CreateContext): FateCounters {
  const help = 'Flows that the backend did not keep of requests that it took.'
  const rejected = telemetry.counter('fovea_exporter_rejected_flows', help, { exporter: id })
  return { ...exporterCounters(telemetry, id), rejected }
}

/** Counters of metric points. */
export function pointCounters({ telemetry, id }: CreateContext): FateCounters {
  const counter = (name: string, help: string) => telemetry.counter(name, help, { exporter: id })
  return {
    sent: counter('otelcol_exporter_sent_metric_points', 'Metric points delivered.'),
    failed: counter('otelcol_exporter_send_failed_metric_points', 'Metric points that could not be delivered.'),
    rejected: counter(
      'fovea_exporter_rejected_metric_points',
      'Metric points that the backend did not keep of requests that it took.',
    ),
  }
}
