import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Exemplars } from '../../src/metrics/exemplars.ts'
import { Family } from '../../src/metrics/family.ts'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const OTHER = '0af7651916cd43dd8448eb211c80319c'

const counter = () => new Family({ name: 'x_total', help: 'x', kind: 'counter', labels: ['a'] })
const histogram = () =>
  new Family({ name: 'h_seconds', help: 'h', kind: 'histogram', labels: ['a'], buckets: [0.1, 1] })

const exemplars = suite('Exemplars')

exemplars('a counter series keeps the last one, and each series its own', () => {
  const f = counter()
  const [p, q] = [f.series('p'), f.series('q')]
  f.exemplar(p, TRACE, 1, 1_000)
  f.exemplar(p, OTHER, 2, 900)
  f.exemplar(q, TRACE, 3, 1_100)
  assert.equal(f.exemplarOf(p), { traceId: OTHER, value: 2, timeMs: 900 })
  assert.equal(f.exemplarOf(q), { traceId: TRACE, value: 3, timeMs: 1_100 })
})

exemplars('a histogram series keeps one for each bucket, that of the value', () => {
  const f = histogram()
  const id = f.series('p')
  f.exemplar(id, TRACE, 0.1, 1)
  f.exemplar(id, OTHER, 7, 2)
  assert.equal(f.exemplarOf(id, 0), { traceId: TRACE, value: 0.1, timeMs: 1 })
  assert.is(f.exemplarOf(id, 1), undefined)
  assert.equal(f.exemplarOf(id, 2), { traceId: OTHER, value: 7, timeMs: 2 })
})

exemplars('a removed series takes its exemplars along, those of others stay', () => {
  for (const f of [counter(), histogram()]) {
    const [p, q] = [f.series('p'), f.series('q')]
    for (const id of [p, q]) for (const value of [0, 0.5, 2]) f.exemplar(id, TRACE, value, 1)
    f.remove(p)
    assert.is(f.series('r'), p)
    for (let bucket = 0; bucket <= f.buckets.length; bucket++) assert.is(f.exemplarOf(p, bucket), undefined)
    assert.is(f.exemplarOf(q)?.traceId, TRACE)
  }
})

exemplars('a gauge keeps none', () => {
  const f = new Family({ name: 'g', help: 'g', kind: 'gauge' })
  f.exemplar(f.series(), TRACE, 1, 1)
  assert.is(f.exemplarOf(f.series()), undefined)
})

exemplars('the sum of two sources keeps those of both', () => {
  const [total, a, b] = [histogram(), histogram(), histogram()]
  a.exemplar(a.series('p'), TRACE, 0.5, 1)
  b.exemplar(b.series('q'), OTHER, 2, 2)
  for (const f of [a, b]) for (const id of f.ids()) total.absorb(f.snapshot(), id)
  assert.is(total.exemplarOf(total.series('p'), 1)?.traceId, TRACE)
  assert.is(total.exemplarOf(total.series('q'), 2)?.traceId, OTHER)
})

exemplars('there is one place for each bucket, however many are kept', () => {
  const places = new Exemplars(2)
  for (let i = 0; i < 1_000; i++) places.keep(i % 10, i % 2, `${i}`, i, i)
  assert.is(places.size, 10)
})

exemplars('an id that OpenMetrics cannot carry is not kept', () => {
  const places = new Exemplars(1)
  places.keep(1, 0, '', 1, 1)
  places.keep(2, 0, 'x'.repeat(122), 1, 1)
  places.keep(3, 0, 'x'.repeat(121), 1, 1)
  assert.is(places.size, 1)
})

exemplars.run()
