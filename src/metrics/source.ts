import type { MetricProducer } from '@opentelemetry/sdk-metrics'
import type { Family } from './family.ts'

export type Temporality = 'cumulative' | 'delta'

/** A producer that can take its last collection back, for a reader that could not deliver it. */
export interface UndoableProducer extends MetricProducer {
  /** What the last collection told counts as not told; without effect on cumulative values. */
  undo(): void
}

/** What feeds a metrics pipeline: read directly as series tables (Prometheus), or through one producer per reader (OTLP). */
export interface MetricSource {
  /**
   * For a source that asks somebody else for its numbers: brings the families up to date. Whoever reads them directly
   * waits for it first; producers do it themselves. Never rejects, and ends within seconds.
   */
  refresh?(): Promise<void>
  /** The families as they are now; called before every read-out, so a source may refresh gauges here. */
  families(): readonly Family[]
  /** A producer for one reader; keeps that reader's state when `delta`. `collect()` is not told the temporality. */
  producer(temporality: Temporality): MetricProducer | UndoableProducer
}
