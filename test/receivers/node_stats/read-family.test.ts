import type { SumMetricData } from '@opentelemetry/sdk-metrics'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { SeriesProducer } from '../../../src/metrics/producer.ts'
import { ReadFamily } from '../../../src/receivers/node_stats/read-family.ts'

const HOUR = 3_600_000

/** One reading. */
function tell(read: ReadFamily, values: Readonly<Record<string, number>>): void {
  read.begin()
  for (const [label, value] of Object.entries(values)) read.tell(value, label)
  read.end()
}

function told({ family }: ReadFamily): Record<string, number> {
  return Object.fromEntries(
    [...family.ids()].map((id) => [family.labelValues(id)?.[0] ?? 'overflow', family.value(id)]),
  )
}

const counter = (clock: () => number, limit = 10) =>
  new ReadFamily({ name: 'x', help: 'x', kind: 'counter', labels: ['a'], limit }, clock)

const reading = suite('a metric that is read')

reading('holds what the last reading had, and nothing else', () => {
  const read = counter(() => 0)
  tell(read, { eth0: 5, eth1: 1 })
  tell(read, { eth0: 7, eth2: 2 })
  assert.equal(told(read), { eth0: 7, eth2: 2 })
})

reading('a counter that fell is a new series, which began at the reading before', async () => {
  let now = HOUR
  const read = counter(() => now)
  const deltas = new SeriesProducer(
    () => [read.family],
    'delta',
    () => now,
  )
  const points = async () => {
    const { resourceMetrics } = await deltas.collect()
    const [metric] = resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics)
    return ((metric as SumMetricData | undefined)?.dataPoints ?? []).map(({ value, startTime }) => [
      value,
      startTime[0],
    ])
  }
  tell(read, { eth0: 100 })
  assert.equal(await points(), [[100, 3_600]])
  now += 10_000
  tell(read, { eth0: 30 })
  assert.equal(await points(), [[30, 3_610]])
  now += 10_000
  tell(read, { eth0: 31 })
  assert.equal(await points(), [[1, 3_610]])
})

reading('what finds no room stands together in the overflow series, reading for reading', () => {
  const read = counter(() => 0, 2)
  tell(read, { a: 1, b: 2, c: 3, d: 4 })
  assert.equal(told(read), { overflow: 7, a: 1, b: 2 })
  tell(read, { a: 1, b: 2, c: 4, d: 5 })
  assert.equal(told(read), { overflow: 9, a: 1, b: 2 })
  assert.is(read.family.refused, 4)
})

reading('the overflow series of a counter never falls, whatever goes', () => {
  const read = counter(() => 0, 1)
  tell(read, { eth0: 1, a: 10, b: 20 })
  assert.is(told(read).overflow, 30)
  tell(read, { eth0: 1, a: 12 })
  assert.is(told(read).overflow, 30)
  tell(read, { eth0: 1, a: 15 })
  assert.is(told(read).overflow, 33)
})

reading.run()
