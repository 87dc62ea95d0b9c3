import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { flowQuery, type GetFlowsRequest } from '../../../src/exporters/hubble/flow-query.ts'
import { FlowReader } from '../../../src/exporters/hubble/flow-reader.ts'
import { FlowRing } from '../../../src/exporters/hubble/flow-ring.ts'
import { Ends } from '../../../src/flow/ends.ts'
import { at, SECOND, timedFlows } from '../../support/timed-flows.ts'

const test = suite('flow reader')
const context = { ends: new Ends(), nodeName: 'node-1' }

/** 20 flows in batches of 1, 4, 8 and 7. */
function filled(maxFlows = 100): FlowRing {
  const ring = new FlowRing({ maxFlows, maxBytes: 1 << 20 })
  for (const [from, to] of [
    [1, 1],
    [2, 5],
    [6, 13],
    [14, 20],
  ] as const)
    ring.push(timedFlows(from, to))
  return ring
}

async function reader(ring: FlowRing, request: GetFlowsRequest): Promise<FlowReader> {
  const made = new FlowReader(ring, flowQuery(request, context))
  await made.rewind()
  return made
}

/** What the reader says until it ends or idles: ports of flows, `lost n`, `overtaken n`, `idle`, `end`. */
function drain(from: FlowReader): (number | string)[] {
  const said: (number | string)[] = []
  for (;;) {
    const step = from.step()
    if (step.at === 'flows') {
      for (let row = step.from; row < step.to; row++) if (step.rows[row]) said.push(step.batch.columns.sourcePort[row]!)
    } else if (step.at === 'lost') said.push(`lost ${step.lost.count}`)
    else if (step.at === 'overtaken') said.push(`overtaken ${step.count}`)
    else return [...said, step.at]
  }
}

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i)
const UDP = { whitelist: [{ protocol: ['udp'] }] }

const cases: { name: string; request: GetFlowsRequest; said: (number | string)[] }[] = [
  { name: 'nothing asked for: everything, the newest too', request: {}, said: [...range(1, 20), 'end'] },
  { name: 'number: the last N, oldest first', request: { number: 3 }, said: [18, 19, 20, 'end'] },
  { name: 'number beyond what is there', request: { number: 2 ** 64 }, said: [...range(1, 20), 'end'] },
  { name: 'number counts matches', request: { number: 3, ...UDP }, said: [16, 18, 20, 'end'] },
  { name: 'first: the first N', request: { number: 3, first: true }, said: [1, 2, 3, 'end'] },
  { name: 'first counts matches', request: { number: 2, first: true, ...UDP }, said: [2, 4, 'end'] },
  { name: 'since is inclusive', request: { since: at(18) }, said: [18, 19, 20, 'end'] },
  { name: 'since with number: the first N from there', request: { since: at(5), number: 2 }, said: [5, 6, 'end'] },
  {
    name: 'since with first and number: the same',
    request: { since: at(5), number: 2, first: true },
    said: [5, 6, 'end'],
  },
  { name: 'until is inclusive', request: { until: at(2) }, said: [1, 2, 'end'] },
  { name: 'since and until', request: { since: at(4), until: at(6) }, said: [4, 5, 6, 'end'] },
  {
    name: 'number with until: of the last N of all those before',
    request: { number: 5, until: at(17) },
    said: [16, 17, 'end'],
  },
  { name: 'number with an early until: nothing', request: { number: 5, until: at(2) }, said: ['end'] },
  { name: 'follow: from now on', request: { follow: true }, said: ['idle'] },
  { name: 'follow with number: the last N, then on', request: { follow: true, number: 2 }, said: [19, 20, 'idle'] },
  {
    name: 'follow with since: from there on, whatever the number',
    request: { follow: true, since: at(19), number: 1 },
    said: [19, 20, 'idle'],
  },
  {
    name: 'follow with until ends behind it',
    request: { follow: true, since: at(3), until: at(4) },
    said: [3, 4, 'end'],
  },
]
for (const { name, request, said } of cases) {
  test(name, async () => assert.equal(drain(await reader(filled(), request)), said))
}

test('a follower goes on with what comes, an answer that ends does not', async () => {
  const ring = filled()
  const [follower, asked] = [await reader(ring, { follow: true, ...UDP }), await reader(ring, { number: 1 })]
  ring.push(timedFlows(21, 23))
  assert.equal(drain(follower), [22, 'idle'])
  assert.equal(drain(asked), [20, 'end'])
  ring.push(timedFlows(24, 24))
  assert.equal(drain(follower), [24, 'idle'])
})

test('the ring forgets by number of flows, to the flow', async () => {
  const ring = filled(10)
  assert.equal(drain(await reader(ring, {})), [...range(11, 20), 'end'])
  assert.is(ring.next - ring.first, 10)
})

test('the ring forgets by bytes, and keeps the newest batch whatever it weighs', async () => {
  const ring = new FlowRing({ maxFlows: 1_000, maxBytes: 1 })
  ring.push(timedFlows(1, 5))
  ring.push(timedFlows(6, 9))
  assert.equal(drain(await reader(ring, {})), [6, 7, 8, 9, 'end'])
  ring.clear()
  assert.is(ring.bytes, 0)
  assert.equal(drain(await reader(ring, {})), ['end'])
})

test('a reader that was overtaken is told by how much, and goes on with the oldest', async () => {
  const ring = filled(10)
  const follower = await reader(ring, { follow: true })
  ring.push(timedFlows(21, 28))
  ring.push(timedFlows(29, 35))
  assert.equal(drain(follower), ['overtaken 5', ...range(26, 35), 'idle'])
})

test('losses stand where they happened and count for no number', async () => {
  const ring = filled()
  const after = timedFlows(21, 22)
  after.lost.push({ source: 2, count: 7 })
  ring.push(after)
  assert.equal(drain(await reader(ring, { number: 3 })), [20, 'lost 7', 21, 22, 'end'])
  assert.equal(drain(await reader(ring, { number: 2, whitelist: [{ protocol: ['igmp'] }] })), ['lost 7', 'end'])
})

test('losses of another time than was asked for are not told', async () => {
  let seconds = SECOND
  const ring = new FlowRing({ maxFlows: 100, maxBytes: 1 << 20 }, () => 1_000 * seconds)
  for (const loss of [5, 15]) {
    seconds = SECOND + loss
    const batch = timedFlows(loss, loss + 1)
    batch.lost.push({ source: 2, count: loss })
    ring.push(batch)
  }
  assert.equal(drain(await reader(ring, { since: at(10) })), ['lost 15', 15, 16, 'end'])
  assert.equal(drain(await reader(ring, { until: at(10) })), ['lost 5', 5, 6, 'end'])
  assert.equal(drain(await reader(ring, { follow: true, since: at(10) })), ['lost 15', 15, 16, 'idle'])
})

test('a batch that stays is the same, also when it was small or half empty', async () => {
  const ring = new FlowRing({ maxFlows: 1_000, maxBytes: 1 << 20 })
  const roomy = timedFlows(1, 300)
  ring.push(roomy.select(new Uint8Array(300).fill(1, 0, 3)))
  ring.push(roomy)
  assert.equal(drain(await reader(ring, {})), [1, 2, 3, ...range(1, 300), 'end'])
  assert.ok(ring.bytes > roomy.bytes)
})

test('many batches later the ring still finds every flow', async () => {
  const ring = new FlowRing({ maxFlows: 50, maxBytes: 1 << 20 })
  for (let i = 0; i < 1_000; i++) ring.push(timedFlows(i, i))
  assert.equal(drain(await reader(ring, { number: 2 })), [998, 999, 'end'])
  assert.equal(drain(await reader(ring, { number: 1, first: true })), [950, 'end'])
})

test.run()
