import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { LostSource } from '../../src/flow/enums.ts'
import { Losses } from '../../src/flow/losses.ts'

const losses = suite('Losses')

losses('adds up by source, from the first to the last loss', () => {
  let nowMs = 100
  const waiting = new Losses(() => nowMs)
  waiting.add(LostSource.PERF_EVENT_RING_BUFFER, 3)
  nowMs = 200
  waiting.add(LostSource.OBSERVER_EVENTS_QUEUE, 1)
  waiting.add(LostSource.PERF_EVENT_RING_BUFFER, 4)
  assert.equal(waiting.take(), [
    { source: LostSource.PERF_EVENT_RING_BUFFER, count: 7, firstMs: 100, lastMs: 200 },
    { source: LostSource.OBSERVER_EVENTS_QUEUE, count: 1, firstMs: 200, lastMs: 200 },
  ])
  assert.not(waiting.pending)
})

losses('nothing lost is nothing to tell', () => {
  const waiting = new Losses()
  waiting.add(LostSource.PERF_EVENT_RING_BUFFER, 0)
  assert.not(waiting.pending)
  assert.equal(waiting.take(), [])
})

losses('takes back what could not be told', () => {
  const waiting = new Losses(() => 300)
  waiting.add(LostSource.PERF_EVENT_RING_BUFFER, 1)
  waiting.restore([
    { source: LostSource.PERF_EVENT_RING_BUFFER, count: 2, firstMs: 100, lastMs: 150 },
    { source: LostSource.UNKNOWN, count: 5 },
  ])
  assert.equal(waiting.take(), [
    { source: LostSource.PERF_EVENT_RING_BUFFER, count: 3, firstMs: 100, lastMs: 300 },
    { source: LostSource.UNKNOWN, count: 5 },
  ])
})

losses('those of other nodes and processors are told apart', () => {
  const waiting = new Losses(() => 300)
  const lost = { source: LostSource.PERF_EVENT_RING_BUFFER, count: 1, firstMs: 1, lastMs: 2 }
  waiting.restore([
    { ...lost, nodeName: 'a', cpu: 0 },
    { ...lost, nodeName: 'a', cpu: 1 },
    { ...lost, nodeName: 'b' },
    lost,
  ])
  waiting.restore([{ ...lost, nodeName: 'a', cpu: 1 }])
  assert.equal(waiting.take(), [
    { ...lost, nodeName: 'a', cpu: 0 },
    { ...lost, count: 2, nodeName: 'a', cpu: 1 },
    { ...lost, nodeName: 'b' },
    lost,
  ])
})

losses('of too many places the last are told without', () => {
  const waiting = new Losses()
  const lost = { source: LostSource.UNKNOWN, count: 1, firstMs: 1, lastMs: 2 }
  waiting.restore(Array.from({ length: 2_000 }, (_, i) => ({ ...lost, nodeName: `node-${i}` })))
  const told = waiting.take()
  assert.is(told.length, 1_025)
  assert.equal(told.at(-1), { ...lost, count: 2_000 - 1_024 })
})

losses.run()
