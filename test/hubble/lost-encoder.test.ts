import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { LostEvents } from '../../src/flow/batch.ts'
import { LostSource } from '../../src/flow/enums.ts'
import { messageType } from '../../src/hubble/definition.ts'
import { lostEncoder } from '../../src/hubble/lost-encoder.ts'

const test = suite('lost events')

const { PERF_EVENT_RING_BUFFER, OBSERVER_EVENTS_QUEUE, HUBBLE_RING_BUFFER } = LostSource
const times = { firstMs: 1_500, lastMs: 2_000 }
const between = { first: { seconds: 1, nanos: 500_000_000 }, last: { seconds: 2, nanos: 0 } }

const cases: { name: string; lost: LostEvents; node: string; cpu: object | undefined; first: object | undefined }[] = [
  {
    name: 'of the kernel name a processor and no times',
    lost: { source: PERF_EVENT_RING_BUFFER, count: 7, ...times },
    node: 'own',
    cpu: { value: 0 },
    first: undefined,
  },
  {
    name: 'of the queue name both',
    lost: { source: OBSERVER_EVENTS_QUEUE, count: 7, ...times },
    node: 'own',
    cpu: { value: 0 },
    first: between.first,
  },
  {
    name: 'of the ring name times alone',
    lost: { source: HUBBLE_RING_BUFFER, count: 7, ...times },
    node: 'own',
    cpu: undefined,
    first: between.first,
  },
  {
    name: 'of another node name that node and its processor',
    lost: { source: PERF_EVENT_RING_BUFFER, count: 7, nodeName: 'east/n1', cpu: 3 },
    node: 'east/n1',
    cpu: { value: 3 },
    first: undefined,
  },
  {
    name: 'of another node name no processor where that node did not',
    lost: { source: OBSERVER_EVENTS_QUEUE, count: 7, nodeName: 'n2' },
    node: 'n2',
    cpu: undefined,
    first: undefined,
  },
]
for (const { name, lost, node, cpu, first } of cases)
  test(name, () => {
    const answer = messageType('observer.GetFlowsResponse').deserialize(Buffer.from(lostEncoder('own')(lost, 3_000)))
    const { lost_events, node_name, time } = answer as {
      lost_events: { num_events_lost: number; cpu?: object; first?: object }
      node_name: string
      time: object
    }
    assert.equal([lost_events.num_events_lost, node_name], [7, node])
    assert.equal([lost_events.cpu, lost_events.first], [cpu, first])
    assert.equal(time, { seconds: 3, nanos: 0 })
  })

test.run()
