import { ValueType } from '@opentelemetry/api'
import { AggregationTemporality, DataPointType, type MetricData, type MetricProducer } from '@opentelemetry/sdk-metrics'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Family } from '../../src/metrics/family.ts'
import { OTEL, SeriesProducer } from '../../src/metrics/producer.ts'

const HOUR = 3_600_000

async function collected(producer: MetricProducer): Promise<MetricData[]> {
  const { resourceMetrics } = await producer.collect()
  return resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics)
}

async function points(producer: MetricProducer) {
  const metrics = await collected(producer)
  return metrics.flatMap((m) => m.dataPoints.map((p) => ({ attributes: p.attributes, value: p.value as number })))
}

const producing = suite('SeriesProducer')

producing('its numbers are those of OpenTelemetry', () => {
  assert.is(OTEL.delta, AggregationTemporality.DELTA)
  assert.is(OTEL.cumulative, AggregationTemporality.CUMULATIVE)
  assert.is(OTEL.histogram, DataPointType.HISTOGRAM)
  assert.is(OTEL.gauge, DataPointType.GAUGE)
  assert.is(OTEL.sum, DataPointType.SUM)
  assert.is(OTEL.double, ValueType.DOUBLE)
})

producing('cumulative points start when their series was made', async () => {
  let now = HOUR
  const f = new Family({ name: 'x_total', help: 'x', kind: 'counter', labels: ['a'], unit: 'By' }, () => now)
  const producer = new SeriesProducer(
    () => [f],
    'cumulative',
    () => now,
  )
  f.add(f.series('1'), 5)
  now += 1500
  f.add(f.series('1'), 5)
  const [metric] = await collected(producer)
  assert.equal(metric?.descriptor, { name: 'x_total', description: 'x', unit: 'By', valueType: ValueType.DOUBLE })
  assert.is(metric?.aggregationTemporality, AggregationTemporality.CUMULATIVE)
  assert.ok(metric?.dataPointType === DataPointType.SUM && metric.isMonotonic)
  assert.equal(metric?.dataPoints, [
    { attributes: { a: '1' }, value: 10, startTime: [3600, 0], endTime: [3601, 500_000_000] },
  ])
})

producing('delta points tell what came since the last collection, and nothing when nothing came', async () => {
  let now = HOUR
  const f = new Family({ name: 'x_total', help: 'x', kind: 'counter' }, () => now)
  const producer = new SeriesProducer(
    () => [f],
    'delta',
    () => now,
  )
  f.add(f.series(), 5)
  now += 1000
  const [first] = await collected(producer)
  now += 1000
  f.add(f.series(), 2)
  const [second] = await collected(producer)
  assert.is(first?.aggregationTemporality, AggregationTemporality.DELTA)
  assert.equal(first?.dataPoints[0], { attributes: {}, value: 5, startTime: [3600, 0], endTime: [3601, 0] })
  assert.equal(second?.dataPoints[0], { attributes: {}, value: 2, startTime: [3601, 0], endTime: [3602, 0] })
  assert.equal(await collected(producer), [])
})

producing('two readers of one family do not disturb each other', async () => {
  const f = new Family({ name: 'x_total', help: 'x', kind: 'counter' })
  const [a, b] = [new SeriesProducer(() => [f], 'delta'), new SeriesProducer(() => [f], 'delta')]
  f.add(f.series(), 5)
  assert.is((await points(a))[0]?.value, 5)
  f.add(f.series(), 1)
  assert.is((await points(a))[0]?.value, 1)
  assert.is((await points(b))[0]?.value, 6)
})

for (const temporality of ['cumulative', 'delta'] as const)
  producing(`a removed series is told once more (${temporality})`, async () => {
    const f = new Family({ name: 'x_total', help: 'x', kind: 'counter', labels: ['a'] })
    const producer = new SeriesProducer(() => [f], temporality)
    f.add(f.series('gone'), 5)
    f.remove(f.series('gone'))
    f.add(f.series('new'), 3)
    const got = (await points(producer)).map((p) => [p.attributes.a, p.value])
    assert.equal(got, [
      ['gone', 5],
      ['new', 3],
    ])
    const next = (await points(producer)).map((p) => p.attributes.a)
    assert.equal(next, temporality === 'delta' ? [] : ['new'])
  })

producing('deltas that did not arrive are told again with the next ones', async () => {
  let now = HOUR
  const f = new Family({ name: 'x_total', help: 'x', kind: 'counter', labels: ['a'] }, () => now)
  const producer = new SeriesProducer(
    () => [f],
    'delta',
    () => now,
  )
  f.add(f.series('1'), 5)
  now += 1000
  await collected(producer)
  now += 1000
  f.add(f.series('1'), 2)
  f.add(f.series('gone'), 1)
  f.remove(f.series('gone'))
  await collected(producer)
  producer.undo()
  f.add(f.series('1'), 3)
  const [metric] = await collected(producer)
  assert.equal(
    metric?.dataPoints.map((p) => [p.attributes.a, p.value, p.startTime[0]]),
    [
      ['gone', 1, 3602],
      ['1', 5, 3601],
    ],
  )
})

producing('the overflow series carries the specified attribute', async () => {
  const f = new Family({ name: 'x_total', help: 'x', kind: 'counter', labels: ['a'], limit: 1 })
  for (const v of ['1', '2', '3']) f.add(f.series(v), 1)
  const got = await points(new SeriesProducer(() => [f], 'cumulative'))
  assert.equal(got[0], { attributes: { 'otel.metric.overflow': true }, value: 2 })
})

producing('a histogram with fractional weights is told in whole numbers that add up', async () => {
  const f = new Family({ name: 'h', help: 'h', kind: 'histogram', buckets: [1] })
  const producer = new SeriesProducer(() => [f], 'delta')
  let count = 0
  for (let i = 0; i < 10; i++) {
    f.observe(f.series(), 0.5, 1.25)
    const [metric] = await collected(producer)
    const value = metric?.dataPoints[0]?.value as { count: number; buckets: { counts: number[] } }
    assert.ok(value.buckets.counts.every(Number.isInteger))
    count += value.count
  }
  assert.is(count, 13)
})

producing('the deltas of any run add up to the cumulative values', async () => {
  const step = fc.oneof(
    fc.record({ key: fc.nat(4), add: fc.nat(9) }),
    fc.record({ remove: fc.nat(4) }),
    fc.constant('collect'),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const f = new Family({ name: 'x_total', help: 'x', kind: 'counter', labels: ['a'] })
      const producer = new SeriesProducer(() => [f], 'delta')
      let fed = 0
      let told = 0
      const collect = async () => {
        for (const p of await points(producer)) told += p.value
      }
      for (const s of steps) {
        if (typeof s === 'string') await collect()
        else if ('remove' in s) f.remove(f.series(String(s.remove)))
        else {
          f.add(f.series(String(s.key)), s.add)
          fed += s.add
        }
      }
      await collect()
      assert.is(told, fed)
    }),
    { numRuns: 100 },
  )
})

const change = fc.oneof(
  { weight: 4, arbitrary: fc.record({ at: fc.constant('add' as const), label: fc.constantFrom('a', 'b', 'c', 'd') }) },
  {
    weight: 2,
    arbitrary: fc.record({ at: fc.constant('remove' as const), label: fc.constantFrom('a', 'b', 'c', 'd') }),
  },
  { weight: 2, arbitrary: fc.record({ at: fc.constant('collect' as const) }) },
  { weight: 2, arbitrary: fc.record({ at: fc.constant('settle' as const), delivered: fc.boolean() }) },
)

for (const { limit, name } of [
  { limit: 100, name: 'each series' },
  { limit: 1, name: 'all series, where more were removed than are remembered' },
]) {
  producing(
    `deltas that arrive add up to what was counted of ${name}, whatever is removed and whatever fails`,
    async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(change, { maxLength: 30 }), async (changes) => {
          const f = new Family({ name: 'x_total', help: 'x', kind: 'counter', labels: ['a'], limit })
          const producer = new SeriesProducer(() => [f], 'delta')
          const [want, got] = [new Map<string, number>(), new Map<string, number>()]
          const add = (to: Map<string, number>, label: string, n: number) =>
            to.set(limit === 1 ? 'all' : label, (to.get(limit === 1 ? 'all' : label) ?? 0) + n)
          let underWay: Awaited<ReturnType<typeof points>> = []
          const settle = (delivered: boolean) => {
            if (!delivered && underWay.length > 0) producer.undo()
            else for (const point of underWay) add(got, String(point.attributes.a), point.value)
            underWay = []
          }
          const collect = async () => {
            settle(true)
            underWay = await points(producer)
          }
          for (const [i, step] of changes.entries()) {
            if (step.at === 'collect') await collect()
            else if (step.at === 'settle') settle(step.delivered)
            else if (step.at === 'remove') f.remove(f.series(step.label))
            else {
              f.add(f.series(step.label), i + 1)
              add(want, step.label, i + 1)
            }
          }
          await collect()
          settle(true)
          assert.equal(Object.fromEntries(got), Object.fromEntries(want))
        }),
        { numRuns: 500 },
      )
    },
  )
}

for (const temporality of ['cumulative', 'delta'] as const)
  producing(
    `a series that is removed and made anew is two points whose times do not overlap (${temporality})`,
    async () => {
      let now = HOUR
      const f = new Family({ name: 'x_total', help: 'x', kind: 'counter', labels: ['a'] }, () => now)
      const producer = new SeriesProducer(
        () => [f],
        temporality,
        () => now,
      )
      f.add(f.series('1'), 5)
      now += 1_000
      f.remove(f.series('1'))
      now += 1_000
      f.add(f.series('1'), 2)
      now += 1_000
      const [metric] = await collected(producer)
      const seconds = metric!.dataPoints.map(({ value, startTime, endTime }) => [value, startTime[0], endTime[0]])
      const begin = HOUR / 1_000
      assert.equal(seconds, [
        [5, begin, begin + 1],
        [2, begin + 2, begin + 3],
      ])
    },
  )

producing('a series removed while its delta is under way is told again when that did not arrive', async () => {
  const f = new Family({ name: 'x_total', help: 'x', kind: 'counter', labels: ['a'] })
  const producer = new SeriesProducer(() => [f], 'delta')
  f.add(f.series('1'), 5)
  await producer.collect()
  f.add(f.series('1'), 2)
  f.remove(f.series('1'))
  producer.undo()
  producer.undo()
  assert.equal(await points(producer), [{ attributes: { a: '1' }, value: 7 }])
  assert.equal(await points(producer), [])
})

producing('what a family had when it was taken away is told, also when that fails once', async () => {
  for (const temporality of ['delta', 'cumulative'] as const) {
    const f = new Family({ name: 'x_total', help: 'x', kind: 'counter' })
    const families = [f]
    const producer = new SeriesProducer(() => families, temporality)
    f.add(f.series(), 3)
    families.pop()
    assert.equal(await points(producer), [{ attributes: {}, value: 3 }])
    if (temporality === 'delta') {
      producer.undo()
      assert.equal(await points(producer), [{ attributes: {}, value: 3 }])
    }
    assert.equal(await points(producer), [])
    assert.equal(await points(producer), [])
  }
})

producing.run()
