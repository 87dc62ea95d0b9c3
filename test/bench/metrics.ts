import type { FlowBatch } from '../../src/flow/batch.ts'
import { Ends } from '../../src/flow/ends.ts'
import { Family } from '../../src/metrics/family.ts'
import { writeText } from '../../src/metrics/text.ts'
import { NO_ENDS } from '../../src/processors/hubble_metrics/contexts/end-labels.ts'
import type { Handler, HandlerSettings } from '../../src/processors/hubble_metrics/handlers/handler.ts'
import { HANDLER_KINDS } from '../../src/processors/hubble_metrics/handlers/kinds.ts'
import { mixedBatch } from '../support/mixed-batch.ts'

/** Cost of counting: nanoseconds a row of each handler of `hubble_metrics`, and of writing and keeping series. */

const ROWS = 8_192
const ROUNDS = 50
const RUNS = 20

const settings: HandlerSettings = {
  options: new Map(),
  ends: NO_ENDS,
  endpoints: new Ends(),
  family: (options) => new Family({ limit: 2_000, ...options }),
}

/** Nanoseconds a row: the best of several runs, because the machine has other things to do. */
function cost(handlers: readonly Handler[], batch: FlowBatch): number {
  let best = Number.POSITIVE_INFINITY
  for (let run = 0; run < RUNS; run++) {
    const start = process.hrtime.bigint()
    for (let i = 0; i < ROUNDS; i++) for (const handler of handlers) handler.observe(batch)
    best = Math.min(best, Number(process.hrtime.bigint() - start) / (ROUNDS * ROWS))
  }
  return best
}

const batch = mixedBatch(ROWS)
const all: Handler[] = []
const table: Record<string, string>[] = []
for (const [name, kind] of Object.entries(HANDLER_KINDS)) {
  for (const which of ['hubble', 'exact'] as const) {
    const handler = kind[which]?.(settings)
    if (handler === undefined) continue
    all.push(handler)
    table.push({ handler: `${name} (${which})`, 'ns/row': cost([handler], batch).toFixed(1) })
  }
}
const total = cost(all, batch)
table.push({ handler: 'all', 'ns/row': total.toFixed(1), 'million rows/s': (1_000 / total).toFixed(1) })
console.table(table)

const before = process.memoryUsage()
const family = new Family({ name: 'x_total', help: 'x', kind: 'counter', labels: ['a', 'b', 'c', 'd'], limit: 100_000 })
for (let i = 0; i < 100_000; i++) family.series('source', `namespace-${i % 50}`, `pod-${i % 5_000}`, `${i}`)
globalThis.gc?.()
const after = process.memoryUsage()
const bytes = after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers
const start = process.hrtime.bigint()
let length = 0
for (const chunk of writeText([family])) length += chunk.length
const ms = Number(process.hrtime.bigint() - start) / 1e6
console.table([
  { '100,000 series': 'memory, bytes a series (run with --expose-gc)', value: Math.round(bytes / 100_000) },
  { '100,000 series': 'text, ms', value: Math.round(ms) },
  { '100,000 series': 'text, MiB', value: (length / 1_048_576).toFixed(1) },
])
