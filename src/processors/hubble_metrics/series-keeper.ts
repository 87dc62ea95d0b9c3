import type { Ends } from '../../flow/ends.ts'
import { Family, type FamilyOptions } from '../../metrics/family.ts'
import { IdleSeries } from '../../metrics/idle-series.ts'
import { LabelTable } from '../../metrics/label-table.ts'
import { SeriesBudget } from '../../metrics/series-budget.ts'
import type { HubbleMetricsConfig } from './config.ts'
import { contextLabels, type PartLabels } from './contexts/context-labels.ts'
import { readContexts } from './contexts/context-options.ts'
import { NO_ENDS } from './contexts/end-labels.ts'
import { EndSources } from './contexts/end-sources.ts'
import { exactLabels } from './contexts/exact-labels.ts'
import type { HandlerSettings } from './handlers/handler.ts'
import type { SeriesLimits } from './series-limits.ts'

/** What of an entry of `metrics` concerns its series. */
export interface SeriesEntry {
  /** Option names in lower case; its contexts are checked. */
  options: ReadonlyMap<string, readonly string[]>
  /** Most series of each of its families, when set for this metric alone. */
  limit: number | undefined
}

/** Why series were removed, and how many. */
export interface Removals {
  gone: number
  idle: number
}

/** What of the configuration concerns series. */
export type SeriesConfig = SeriesLimits & Pick<HubbleMetricsConfig, 'ends' | 'ends_dns'>

interface Kept {
  labels: PartLabels | undefined
  idle: IdleSeries | undefined
}

/**
 * Series from their making to their end: gives metrics their families with limits and the labels of both ends, and removes
 * series whose ends are gone or that did not change for long.
 */
export class SeriesKeeper {
  readonly #config: SeriesConfig
  readonly #endpoints: Ends
  readonly #clock: () => number
  readonly #budget: SeriesBudget
  /** Texts of all labels. */
  readonly #texts = new LabelTable()
  readonly #sources: EndSources
  readonly #families = new Map<Family, Kept>()
  /** Engines by what they say: metrics that ask for the same share one. */
  readonly #labels = new Map<string, PartLabels | undefined>()

  constructor(config: SeriesConfig, endpoints: Ends, clock: () => number = Date.now) {
    this.#config = config
    this.#endpoints = endpoints
    this.#clock = clock
    this.#budget = new SeriesBudget(config.total_cardinality_limit)
    this.#sources = new EndSources(endpoints, this.#texts)
  }

  /** Series of all families. */
  get size(): number {
    return this.#budget.used
  }

  /** What a metric of Hubble is made with: its contexts. @param swapped see `HandlerKind.swapsEnds` */
  hubbleSettings(entry: SeriesEntry, swapped = false): HandlerSettings {
    const options = readContexts(entry.options)
    const key = JSON.stringify([options, swapped])
    return this.#settings(entry, key, () => contextLabels(options, this.#sources, swapped))
  }

  /** What the exact series are made with: the same labels of both ends for all of them. */
  exactSettings(entry: SeriesEntry): HandlerSettings {
    const { ends, ends_dns: dns } = this.#config
    return this.#settings(entry, 'exact', () => exactLabels(ends, dns, this.#sources))
  }

  /** What metrics with labels of their own are made with. @param key names the labels: one key, one engine */
  labelledSettings(key: string, make: (sources: EndSources) => PartLabels): HandlerSettings {
    return this.#settings({ options: new Map(), limit: undefined }, key, () => make(this.#sources))
  }

  /** To be called after every batch. */
  end(): void {
    for (const labels of this.#labels.values()) labels?.end()
  }

  /** Removes series that are over, in steps between which flows may be counted. Tells what each removed. */
  *sweep(): Generator<Partial<Removals>, void> {
    for (const gone of this.#sweepGone()) yield { gone }
    for (const { idle } of this.#families.values()) if (idle !== undefined) yield { idle: idle.sweep() }
  }

  /** A metric is taken away: its families are no longer kept, and their room is free. */
  drop(families: readonly Family[]): void {
    for (const family of families) {
      // One by one, so that readers of deltas get what they were not told yet.
      for (const id of family.ids()) family.remove(id)
      this.#families.delete(family)
    }
    const used = new Set([...this.#families.values()].map(({ labels }) => labels))
    for (const [key, labels] of this.#labels) if (!used.has(labels)) this.#labels.delete(key)
  }

  /** Ends for good. */
  close(): void {
    this.end()
    this.#sources.close()
  }

  #settings(entry: SeriesEntry, key: string, make: () => PartLabels | undefined): HandlerSettings {
    if (!this.#labels.has(key)) this.#labels.set(key, make())
    const labels = this.#labels.get(key)
    const limit = entry.limit ?? this.#config.cardinality_limit
    const family = (options: FamilyOptions) => this.#keep({ limit, ...options }, labels)
    return { options: entry.options, ends: labels ?? NO_ENDS, endpoints: this.#endpoints, family }
  }

  #keep(options: FamilyOptions, labels: PartLabels | undefined): Family {
    const names = [...(options.labels ?? []), ...(labels?.names ?? [])]
    const family = new Family({ ...options, labels: names, budget: this.#budget, texts: this.#texts }, this.#clock)
    const ttlMs = this.#config.series_ttl
    this.#families.set(family, { labels, idle: ttlMs > 0 ? new IdleSeries(family, ttlMs, this.#clock) : undefined })
    return family
  }

  *#sweepGone(): Generator<number> {
    const graceMs = this.#config.gone_series_ttl
    if (graceMs === 0) return
    const search = this.#sources.sweep(this.#clock(), graceMs)
    let found = search.next()
    for (; !found.done; found = search.next()) yield 0
    const dead = found.value
    if (dead.size === 0) return
    for (const [family, { labels }] of this.#families) {
      if (labels === undefined) continue
      const first = family.labels.length - labels.names.length
      for (const { at, values } of labels.gone(dead)) {
        const ids = family.matching(first + at, values)
        for (const id of ids) family.remove(id)
        yield ids.length
      }
    }
  }
}
