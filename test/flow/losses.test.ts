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

losses.run()
