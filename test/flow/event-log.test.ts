import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ClusterView } from '../../src/flow/cluster-view.ts'
import { EventLog } from '../../src/flow/event-log.ts'

const test = suite('event log')

test('keeps the newest events in order and counts those that went', () => {
  let now = 1_000
  const log = new EventLog<string>(3, () => now++)
  for (const event of ['a', 'b', 'c', 'd', 'e']) log.append(event)
  assert.equal([log.first, log.next], [2, 5])
  const kept = [2, 3, 4].map((sequence) => log.get(sequence))
  assert.equal(
    kept.map(({ timeMs, event }) => `${timeMs} ${event}`),
    ['1002 c', '1003 d', '1004 e'],
  )
  for (const sequence of [1, 5]) assert.throws(() => log.get(sequence), new RegExp(`no event ${sequence} in the log`))
})

test('a listener is called after every event until it ends that', () => {
  const log = new EventLog<number>()
  let calls = 0
  const unlisten = log.listen(() => calls++)
  log.append(1)
  unlisten()
  log.append(2)
  assert.is(calls, 1)
})

test('the log of a cluster begins with the start of the process', () => {
  const { events } = new ClusterView()
  const { event } = events.get(0)
  assert.is(event.at, 'agent_started')
  assert.ok(event.at === 'agent_started' && event.startMs <= Date.now())
})

test.run()
