import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { WrappedCounters } from '../../../src/receivers/node_stats/wrapped-counters.ts'

const test = suite('counters of 32 bits')

const WRAP = 2 ** 32

test('go on when they come around, each of each group for itself', () => {
  const step = fc.integer({ min: 0, max: 2 ** 31 - 1 })
  fc.assert(
    fc.property(fc.integer({ min: 0, max: WRAP - 1 }), fc.array(step, { maxLength: 20 }), (first, steps) => {
      const counters = new WrappedCounters()
      let total = first
      assert.equal([...counters.extend(0, Float64Array.of(first, 7))], [first, 7])
      for (const by of steps) {
        total += by
        assert.equal([...counters.extend(0, Float64Array.of(total % WRAP, 7))], [total, 7])
        assert.equal([...counters.extend(1, Float64Array.of(1, 2))], [1, 2])
      }
    }),
  )
})

test('one that was reset begins again, also after it came around', () => {
  const counters = new WrappedCounters()
  const extend = (count: number) => counters.extend(0, Float64Array.of(count))[0]
  assert.is(extend(1_000), 1_000)
  assert.is(extend(10), 10)
  assert.is(extend(WRAP - 1), WRAP - 1)
  assert.is(extend(4), WRAP + 4)
  assert.is(extend(2), 2)
})

test.run()
