import type { FlowBatch } from '../../src/flow/batch.ts'
import type { Census } from '../../src/flow/cluster-view.ts'
import { type Endpoint, EndpointTable, endpoint } from '../../src/flow/endpoint.ts'
import { Ends } from '../../src/flow/ends.ts'
import type { Family } from '../../src/metrics/family.ts'
import { defaultsOf } from '../../src/pipeline/config/decode.ts'
import { type HubbleMetricsConfig, hubbleMetricsConfig } from '../../src/processors/hubble_metrics/config.ts'
import type { Handler } from '../../src/processors/hubble_metrics/handlers/handler.ts'
import { HANDLER_KINDS } from '../../src/processors/hubble_metrics/handlers/kinds.ts'
import { SeriesKeeper } from '../../src/processors/hubble_metrics/series-keeper.ts'
import { type FlowRow, flowBatch, TCP_SYN } from './flows.ts'

/** Default of `gone_series_ttl`. */
export const GRACE_MS = 60_000

/** Context options of a metric. */
export type ContextOptions = Record<string, string[]>

/** A keeper with a clock of its own, and pods that come and go. */
export class SeriesWorld {
  readonly table = new EndpointTable()
  readonly keeper: SeriesKeeper
  nowMs = 1_000_000
  /** By name of the pod: its id, and when it went. */
  readonly ids = new Map<string, number>()
  readonly goneMs = new Map<string, number>()
  /** Since when every sweep began without them. */
  readonly missedMs = new Map<string, number>()
  /** Under way. */
  #sweep: ReturnType<SeriesKeeper['sweep']> | undefined

  constructor(overrides: Partial<HubbleMetricsConfig> = {}) {
    const defaults = defaultsOf(hubbleMetricsConfig.schema) as unknown as HubbleMetricsConfig
    this.keeper = new SeriesKeeper({ ...defaults, ...overrides }, new Ends(this.table), () => this.nowMs)
  }

  handler(which: 'hubble' | 'exact', name: string, options: ContextOptions = {}): Handler {
    const entry = { options: new Map(Object.entries(options)), limit: undefined }
    const kind = HANDLER_KINDS[name]!
    return which === 'hubble'
      ? kind.hubble(this.keeper.hubbleSettings(entry, kind.swapsEnds))
      : kind.exact!(this.keeper.exactSettings(entry))
  }

  /** Pods `cart-1`, `cart-2` and so on are of the workload `cart`. */
  come(name: string, known: Partial<Endpoint> = {}): void {
    const workload = name.split('-')[0]!
    const workloads = [{ name: workload, kind: 'Deployment' }]
    this.ids.set(name, this.table.add(endpoint({ namespace: 'shop', podName: name, workloads, ...known })))
    this.goneMs.delete(name)
  }

  go(name: string): void {
    this.table.depart(this.ids.get(name)!)
    this.goneMs.set(name, this.nowMs)
  }

  count(handler: Handler, pairs: readonly (readonly [string, string])[], row: FlowRow = TCP_SYN): void {
    const batch = flowBatch(pairs.map(() => row))
    for (const [i, [source, destination]] of pairs.entries()) this.#name(batch, i, source, destination)
    handler.observe(batch)
    this.keeper.end()
  }

  /** Time passes, and the keeper looks every 10 s. */
  pass(ms: number): { gone: number; idle: number } {
    while (this.#sweep !== undefined) this.step()
    const removed = { gone: 0, idle: 0 }
    for (const untilMs = this.nowMs + ms; this.nowMs < untilMs; ) {
      this.nowMs += 10_000
      this.#look()
      for (const { gone = 0, idle = 0 } of this.keeper.sweep()) {
        removed.gone += gone
        removed.idle += idle
      }
    }
    return removed
  }

  /** One step of a sweep. */
  step(): void {
    if (this.#sweep === undefined) {
      this.#look()
      this.#sweep = this.keeper.sweep()
    }
    if (this.#sweep.next().done) this.#sweep = undefined
  }

  #look(): void {
    for (const name of this.ids.keys()) {
      if (!this.goneMs.has(name)) this.missedMs.delete(name)
      else if (!this.missedMs.has(name)) this.missedMs.set(name, this.nowMs)
    }
  }

  #name(batch: FlowBatch, row: number, source: string, destination: string): void {
    batch.columns.sourceEndpoint[row] = this.ids.get(source) ?? 0
    batch.columns.destinationEndpoint[row] = this.ids.get(destination) ?? 0
  }
}

/** The pods of a world that are in the cluster, with flows or without. */
export function census(world: SeriesWorld, isThere: (endpoint: Endpoint) => boolean): Census {
  const ends = () => [...world.ids.values()].map((id) => world.table.get(id)).filter(isThere)
  return {
    now: (end) => ends().find(({ podName, namespace }) => podName === end.podName && namespace === end.namespace),
    members: (namespaces) => ends().filter(({ namespace }) => namespaces.has(namespace)),
  }
}

/** Labels of a series. */
export function labelsOf(family: Family, id: number): Record<string, string> {
  return Object.fromEntries((family.labelValues(id) ?? []).map((value, i) => [family.labels[i]!, value]))
}

/** What the series of a handler's first metric say under one label. */
export function ends(handler: Handler, name: string): (string | undefined)[] {
  return [...handler.families[0]!.ids()].map((id) => labelsOf(handler.families[0]!, id)[name])
}
