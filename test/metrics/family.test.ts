import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Family, OVERFLOW } from '../../src/metrics/family.ts'
import { IdleSeries } from '../../src/metrics/idle-series.ts'

const counter = (limit?: number) =>
  new Family({ name: 'x_total', help: 'x', kind: 'counter', labels: ['a', 'b'], ...(limit ? { limit } : {}) })

const family = suite('Family')

family('the same label values give the same series', () => {
  const f = counter()
  assert.is(f.series('p', 'q'), f.series('p', 'q'))
  assert.is.not(f.series('p', 'q'), f.series('q', 'p'))
  assert.is.not(f.series('pq', ''), f.series('p', 'q'))
  assert.is(f.size, 3)
})

family('beyond its limit everything goes to the overflow series, and is counted', () => {
  const f = counter(2)
  for (const v of ['1', '2', '3', '4']) f.add(f.series(v, ''), 10)
  assert.equal([...f.ids()], [OVERFLOW, 1, 2])
  assert.is(f.value(OVERFLOW), 20)
  assert.is(f.labelValues(OVERFLOW), undefined)
  assert.is(f.refused, 2)
})

family('a removed series starts again from nothing, and its watchers still read its last value', () => {
  const f = counter()
  const seen: number[] = []
  f.watchRemovals((id) => seen.push(f.value(id)))
  const id = f.series('a', 'b')
  f.add(id, 7)
  f.remove(id)
  f.remove(id)
  assert.equal(seen, [7])
  assert.is(f.generation, 1)
  assert.is(f.size, 0)
  assert.equal([...f.ids()], [])
  const again = f.series('c', 'd')
  assert.is(again, id)
  assert.is(f.value(again), 0)
  assert.equal(f.labelValues(again), ['c', 'd'])
})

family('agrees with a Map whatever is added and removed', () => {
  const step = fc.record({ a: fc.nat(6), b: fc.nat(6), remove: fc.boolean() })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const f = counter()
      const model = new Map<string, number>()
      for (const { a, b, remove } of steps) {
        const values = [`a${a}`, `b${b}`]
        if (remove && model.delete(values.join())) f.remove(f.series(...values))
        else if (!remove) {
          f.add(f.series(...values), 1)
          model.set(values.join(), (model.get(values.join()) ?? 0) + 1)
        }
      }
      const got = new Map([...f.ids()].map((id) => [f.labelValues(id)?.join(), f.value(id)]))
      assert.equal([...got].sort(), [...model].sort())
      assert.is(f.size, model.size)
    }),
    { numRuns: 200 },
  )
})

family('a histogram puts a value into the first bucket whose bound is not below it', () => {
  const f = new Family({ name: 'h', help: 'h', kind: 'histogram', buckets: [1, 5] })
  const id = f.series()
  for (const v of [0.5, 1, 1.1, 5, 6]) f.observe(id, v)
  f.observe(id, 2, 10)
  assert.equal([...f.bucketCounts(id)], [2, 12, 1])
  assert.is(f.value(id), 33.6)
})

family('a series unchanged for its time to live is removed, a changing one stays', () => {
  let nowMs = 1000
  const f = new Family({ name: 'x', help: 'x', kind: 'counter', labels: ['a'] }, () => nowMs)
  const idle = new IdleSeries(f, 100, () => nowMs)
  f.add(f.series('still'), 1)
  f.add(f.series('busy'), 1)
  assert.is(idle.sweep(), 0)
  nowMs += 100
  f.add(f.series('busy'), 1)
  assert.is(idle.sweep(), 1)
  assert.equal(
    [...f.ids()].map((id) => f.labelValues(id)),
    [['busy']],
  )
})

family.run()
