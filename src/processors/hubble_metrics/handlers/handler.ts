import type { FlowBatch } from '../../../flow/batch.ts'
import type { Family, FamilyOptions } from '../../../metrics/family.ts'

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
  /** Makes a family with the configured limit of series. */
  family(options: FamilyOptions): Family
}

/** One name that `metrics` takes. */
export interface HandlerKind {
  /** Options in lower case, with what they do. */
  readonly options: Readonly<Record<string, string>>
  /** Hubble's own metrics of that name. */
  hubble(settings: HandlerSettings): Handler
  /** The exact series that fovea adds to them, where there are any. */
  exact?(settings: HandlerSettings): Handler
}
