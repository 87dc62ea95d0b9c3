import type { FlowBatch } from '../../../flow/batch.ts'
import type { Ends } from '../../../flow/ends.ts'
import type { Family, FamilyOptions } from '../../../metrics/family.ts'
import type { EndLabels } from '../contexts/end-labels.ts'

/** Counts one aspect of flows into families of its own. */
export interface Handler {
  readonly families: readonly Family[]
  /** Adds the rows of a batch; loops over columns and keeps nothing of it. */
  observe(batch: FlowBatch): void
}

/** What a handler is made with. */
export interface HandlerSettings {
  /** Options of the metric as written (`dns:query`), names in lower case. */
  options: ReadonlyMap<string, readonly string[]>
  /** The labels of both ends: `begin(batch)` first, then `id(row)` as the first number of a `SeriesCache`. */
  ends: EndLabels
  /** Who they are, for metrics that count by that. */
  endpoints: Ends
  /** Makes a family with the configured limit of series; the labels of `ends` follow those given. */
  family(options: FamilyOptions): Family
}

/** One name that `metrics` takes. */
export interface HandlerKind {
  /** Options in lower case, with what they do. */
  readonly options: Readonly<Record<string, string>>
  /** Whether source and destination of the contexts change places, as where a response is counted for its client. */
  readonly swapsEnds?: boolean
  /** A metric that cannot stand beside it: both make a metric of the same name. */
  readonly conflict?: string
  /** Hubble's own metrics of that name. */
  hubble(settings: HandlerSettings): Handler
  /** The exact series that fovea adds to them, where there are any. */
  exact?(settings: HandlerSettings): Handler
}
