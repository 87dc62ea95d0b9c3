import { setImmediate } from 'node:timers/promises'
import type { FlowBatch } from '../../src/flow/batch.ts'
import { type Endpoint, EndpointTable, endpoint } from '../../src/flow/endpoint.ts'
import { Ends } from '../../src/flow/ends.ts'
import { defaultsOf } from '../../src/pipeline/config/decode.ts'
import {
  DEFAULT_METRICS,
  type HubbleMetricsConfig,
  hubbleMetricsConfig,
} from '../../src/processors/hubble_metrics/config.ts'
import { CONTEXT_LABELS } from '../../src/processors/hubble_metrics/contexts/context-options.ts'
import type { EndLevel } from '../../src/processors/hubble_metrics/contexts/exact-labels.ts'
import { IDENTIFIERS } from '../../src/processors/hubble_metrics/contexts/identifiers.ts'
import type { Handler } from '../../src/processors/hubble_metrics/handlers/handler.ts'
import { HANDLER_KINDS } from '../../src/processors/hubble_metrics/handlers/kinds.ts'
import { SeriesKeeper } from '../../src/processors/hubble_metrics/series-keeper.ts'
import { mixedBatch } from '../support/mixed-batch.ts'

/**
 * Cost of counting with the labels of both ends: the default set of metrics, exact series included, nanoseconds a row and
 * bytes a series, from few series to 100,000. Run with --expose-gc.
 */

const ROWS = 8_192
const BATCHES = 16
const ROUNDS = 20

const ALL: ReadonlyMap<string, readonly string[]> = new Map([
  ['sourcecontext', IDENTIFIERS.filter((name) => name !== 'identity')],
  ['destinationcontext', ['dns', 'ip', 'pod']],
  ['labelscontext', CONTEXT_LABELS],
])

const SETS: { name: string; ends: EndLevel; options: ReadonlyMap<string, readonly string[]> }[] = [
  { name: 'ends: none', ends: 'none', options: new Map() },
  { name: 'ends: workload (default)', ends: 'workload', options: new Map() },
  { name: 'ends: pod', ends: 'pod', options: new Map() },
  { name: 'ends: pod, all contexts', ends: 'pod', options: ALL },
]

let nowMs = Date.now()

interface Bench {
  keeper: SeriesKeeper
  handlers: Handler[]
  batches: FlowBatch[]
}

/** Two ends for each of `pairs` conversations; every row belongs to one of them. */
function bench(set: (typeof SETS)[number], pairs: number, table: EndpointTable): Bench {
  const defaults = defaultsOf(hubbleMetricsConfig.schema) as unknown as HubbleMetricsConfig
  const limits = { cardinality_limit: 1_000_000, total_cardinality_limit: 100_000 }
  const keeper = new SeriesKeeper({ ...defaults, ...limits, ends: set.ends }, new Ends(table), () => nowMs)
  const entry = { options: set.options, limit: undefined }
  const handlers = (DEFAULT_METRICS as string[]).flatMap((name) => {
    const kind = HANDLER_KINDS[name]!
    return [kind.hubble(keeper.hubbleSettings(entry)), ...(kind.exact ? [kind.exact(keeper.exactSettings(entry))] : [])]
  })
  const batches = Array.from({ length: BATCHES }, (_, number) => {
    const batch = mixedBatch(ROWS, number + 1)
    for (let row = 0; row < ROWS; row++) {
      const pair = (number * ROWS + row) % pairs
      batch.columns.sourceEndpoint[row] = 3 + 2 * pair
      batch.columns.destinationEndpoint[row] = 4 + 2 * pair
      batch.columns.sourceAddress.set([0, 0, 0xffff0000, pair], 4 * row)
      batch.columns.destinationAddress.set([0, 0, 0xffff0000, pair + 1_000_000], 4 * row)
    }
    return batch
  })
  return { keeper, handlers, batches }
}

function pods(count: number): EndpointTable {
  const table = new EndpointTable()
  for (let i = 0; i < count; i++) {
    const workload = `deployment-${i % 500}`
    const made: Partial<Endpoint> = {
      namespace: `namespace-${i % 50}`,
      podName: `${workload}-7d9c5b8f64-${i}`,
      labels: [`k8s:app=${workload}`, `k8s:io.kubernetes.pod.namespace=namespace-${i % 50}`],
      workloads: [{ name: workload, kind: 'Deployment' }],
      nodeName: `node-${i % 100}`,
      zone: `zone-${i % 3}`,
    }
    // As the API server tells it: texts put together here would be copied, and counted as memory of series, when first read.
    table.add(endpoint(JSON.parse(JSON.stringify(made))))
  }
  return table
}

function count({ keeper, handlers, batches }: Bench): void {
  for (const batch of batches) {
    for (const handler of handlers) handler.observe(batch)
    keeper.end()
  }
}

/** Nanoseconds a row: the best of several rounds, because the machine has other things to do. */
function cost(made: Bench): number {
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < ROUNDS; round++) {
    const start = process.hrtime.bigint()
    count(made)
    best = Math.min(best, Number(process.hrtime.bigint() - start) / (BATCHES * ROWS))
  }
  return best
}

async function heap(): Promise<number> {
  // Buffers of arrays that are gone are freed a turn later.
  for (let i = 0; i < 3; i++) {
    globalThis.gc?.()
    await setImmediate()
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

const table: Record<string, string | number>[] = []
for (const set of SETS) {
  for (const pairs of [1, 100, 20_000]) {
    const made = bench(set, pairs, pods(2 * pairs))
    const before = await heap()
    count(made)
    const bytes = ((await heap()) - before) / made.keeper.size
    table.push({
      set: set.name,
      'pairs of pods': pairs,
      series: made.keeper.size,
      'ns/row': cost(made).toFixed(0),
      'bytes/series': globalThis.gc === undefined || pairs === 1 ? '' : bytes.toFixed(0),
    })
  }
}
console.table(table)

/** Sweeps that find 1,000 of 40,000 pods gone, among 100,000 series. */
const ends = pods(40_000)
const swept = bench(SETS[2]!, 20_000, ends)
count(swept)
for (let id = 3; id < 1_003; id++) ends.depart(id)
const before = swept.keeper.size
const sweeps: Record<string, string | number>[] = []
for (const what of ['the first sweep after they went', ...Array(4).fill('a sweep that removes series of some')]) {
  nowMs += 120_000
  let longest = 0
  let total = 0
  const steps = swept.keeper.sweep()
  for (let done = false; !done; ) {
    const start = process.hrtime.bigint()
    done = steps.next().done === true
    const took = Number(process.hrtime.bigint() - start) / 1e6
    total += took
    longest = Math.max(longest, took)
  }
  sweeps.push({ what, ms: total.toFixed(1), 'longest step': longest.toFixed(1) })
}
sweeps.push({ what: 'series removed', ms: before - swept.keeper.size })
console.table(sweeps)
