import type { Family } from '../../metrics/family.ts'
import type { CreateContext } from '../../pipeline/component.ts'
import { rarely } from '../../pipeline/rarely.ts'

/** Counts metrics that an answer lacks because another of their name is of another kind, and logs that now and then. */
export function leftOutReport({ id, log, telemetry }: CreateContext): (family: Family) => void {
  const counter = telemetry.counter(
    'fovea_exporter_left_out_metrics',
    'Metrics missing in an answer: another kind of metric has their name.',
    { exporter: id },
  )
  const warn = rarely((since, { name, kind }: Family) =>
    log.warn(
      { metric: name, kind, answers: since },
      'Metric left out: another one has its name and is of another kind; give each source a pipeline and exporter of its own',
    ),
  )
  return (family) => {
    counter.add(1)
    warn(1, family)
  }
}
