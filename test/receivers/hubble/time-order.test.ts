import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { TICKS, type TimedFlow, TimeOrder } from '../../../src/receivers/hubble/time-order.ts'

const test = suite('time order')
const NOTHING = new Uint8Array(0)

function at(seconds: number, nanos = 0): TimedFlow {
  return { bytes: NOTHING, at: 0, end: 1, seconds, nanos }
}

function order(limit: number): { order: TimeOrder; out: TimedFlow[] } {
  const out: TimedFlow[] = []
  return { order: new TimeOrder(limit, (flow) => out.push(flow)), out }
}

test('any flows with room for all come out in the order of their times, equal ones as they came', () => {
  const times = fc.array(fc.tuple(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 3 })), { maxLength: 60 })
  fc.assert(
    fc.property(times, (list) => {
      const { order: merge, out } = order(64)
      const flows = list.map(([seconds, nanos]) => at(seconds, nanos))
      for (const flow of flows) merge.push(flow)
      merge.flush()
      const sorted = flows.toSorted((a, b) => a.seconds - b.seconds || a.nanos - b.nanos)
      assert.is(out.length, sorted.length)
      assert.ok(out.every((flow, i) => flow === sorted[i]))
      assert.is(merge.late, 0)
    }),
  )
})

test('whatever is done, every flow comes out once and no more wait than there is room for', () => {
  const step = fc.oneof(
    fc.record({ push: fc.integer({ min: 0, max: 50 }) }),
    fc.record({ advance: fc.integer({ min: 0, max: 50 }) }),
    fc.constant({ tick: true }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const { order: merge, out } = order(5)
      const pushed: TimedFlow[] = []
      for (const what of steps) {
        if ('push' in what) {
          pushed.push(at(what.push))
          merge.push(pushed.at(-1)!)
        } else if ('advance' in what) merge.advance(what.advance, 0)
        else merge.tick()
        assert.ok(merge.size <= 5)
        assert.is(out.length + merge.size, pushed.length)
      }
      merge.flush()
      assert.is(new Set(out).size, pushed.length)
    }),
  )
})

test('a flow waits until all observers have passed its time', () => {
  const { order: merge, out } = order(8)
  for (const seconds of [3, 1, 2]) merge.push(at(seconds, 5))
  merge.advance(2, 4)
  assert.equal(
    out.map(({ seconds }) => seconds),
    [1],
  )
  merge.advance(2, 5)
  assert.equal(
    out.map(({ seconds }) => seconds),
    [1, 2],
  )
})

test('a flow waits for so many ticks, with those that are earlier', () => {
  const { order: merge, out } = order(8)
  merge.push(at(5))
  merge.tick()
  merge.push(at(4))
  merge.push(at(6))
  for (let i = 1; i < TICKS; i++) {
    assert.is(out.length, 0)
    merge.tick()
  }
  assert.equal(
    out.map(({ seconds }) => seconds),
    [4, 5],
  )
})

test('what comes too late is handed on and counted', () => {
  const { order: merge, out } = order(8)
  merge.push(at(5))
  merge.advance(5, 0)
  merge.push(at(4))
  merge.flush()
  assert.is(merge.late, 1)
  assert.is(out.length, 2)
})

test('many bytes leave before there are many flows', () => {
  const { order: merge } = order(1_000)
  // A flow keeps the whole answer that it is a part of.
  const bytes = new Uint8Array(1024 * 1024)
  for (let i = 0; i < 100; i++) merge.push({ ...at(i), bytes })
  assert.is(merge.size, 65)
})

test.run()
