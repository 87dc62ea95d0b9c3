import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Family } from '../../../src/metrics/family.ts'
import { SeriesProducer } from '../../../src/metrics/producer.ts'
import { metricParts, pointsOf } from '../../../src/pipeline/otlp/metric-parts.ts'

const test = suite('metrics in parts')

/** A collection of families of so many series. */
async function collected(sizes: readonly number[]) {
  const families = sizes.map((size, at) => {
    const family = new Family({ name: `m${at}`, help: '', kind: 'counter', labels: ['a'] })
    for (let i = 0; i < size; i++) family.add(family.series(String(i)), i)
    return family
  })
  const { resourceMetrics } = await new SeriesProducer(() => families, 'cumulative').collect()
  const [first] = resourceMetrics.scopeMetrics
  // As two sources of a pipeline.
  const second = first === undefined ? [] : [{ scope: { name: 'other' }, metrics: first.metrics }]
  return { ...resourceMetrics, scopeMetrics: [...resourceMetrics.scopeMetrics, ...second] }
}

type Collected = Awaited<ReturnType<typeof collected>>

const tell = ({ scopeMetrics }: Pick<Collected, 'scopeMetrics'>) =>
  scopeMetrics.flatMap(({ scope, metrics }) =>
    metrics.flatMap(({ descriptor, dataPoints }) =>
      dataPoints.map(({ attributes: { a }, value }) => `${scope.name} ${descriptor.name} ${a} ${value}`),
    ),
  )

test('hold every point once, in order, as few parts as can be', async () => {
  const sizes = fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 6 })
  await fc.assert(
    fc.asyncProperty(sizes, fc.integer({ min: 1, max: 20 }), async (some, most) => {
      const data = await collected(some)
      const parts = [...metricParts(data, most)]
      assert.equal(parts.flatMap(tell), tell(data))
      const points = parts.map(pointsOf)
      assert.ok(points.slice(0, -1).every((count) => count === most || parts.length === 1))
      assert.ok(points.every((count) => count <= most))
    }),
  )
})

test('what fits is left as it is', async () => {
  const data = await collected([3, 2])
  assert.is([...metricParts(data, 10)][0], data)
})

test.run()
