import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { EndpointTable, endpoint } from '../../../src/flow/endpoint.ts'
import { Direction, Kind, Verdict } from '../../../src/flow/enums.ts'
import { DropEvents } from '../../../src/processors/kubernetes/drop-events.ts'
import { type FlowRow, flowBatch, TCP_SYN } from '../../support/flows.ts'

const test = suite('DropEvents')

const POLICY_DENIED = 133

/** Two pods of this node and one elsewhere, and what is told of them. */
function made() {
  const table = new EndpointTable()
  const own = table.add(endpoint({ namespace: 'shop', podName: 'cart', localId: 5 }))
  const other = table.add(endpoint({ namespace: 'shop', podName: 'web' }))
  const world = table.add(endpoint({ labels: ['reserved:world'] }))
  const state = { nowMs: 0, told: [] as string[], forgotten: 0 }
  const events = new DropEvents({
    config: { enabled: true, reasons: ['POLICY_DENIED'], threshold: 3, interval: 120_000, rate_limit: 1 },
    table,
    recorder: {
      warn: ({ name, uid }, reason, message) => void state.told.push(`${name} ${uid} ${reason}: ${message}`),
    },
    podUid: (key) => (key === 'shop/cart' ? 'u1' : undefined),
    forgotten: {
      add: (n) => {
        state.forgotten += n
      },
    },
    clock: () => state.nowMs,
  })
  const drop: FlowRow = {
    ...TCP_SYN,
    kind: Kind.DROP,
    verdict: Verdict.DROPPED,
    dropReason: POLICY_DENIED,
    direction: Direction.INGRESS,
  }
  const incoming: FlowRow = { ...drop, sourceEndpoint: other, destinationEndpoint: own }
  return { state, events, incoming, drop, own, other, world }
}

test('the third drop of a kind is told, the ones after it only when the interval is over', () => {
  const { state, events, incoming } = made()
  events.observe(flowBatch([incoming, incoming]))
  assert.equal(state.told, [])
  events.observe(flowBatch(Array(10).fill(incoming)))
  assert.equal(state.told, [
    'cart u1 PacketDrop: Incoming packet dropped (policy_denied) from shop/web (10.0.0.1) TCP/80',
  ])
  state.nowMs = 120_000
  events.observe(flowBatch(Array(3).fill(incoming)))
  assert.is(state.told.length, 2)
})

test('what leaves a pod of this node is told as outgoing', () => {
  const { state, events, drop, own, world } = made()
  const outgoing = { ...drop, direction: Direction.EGRESS, sourceEndpoint: own, destinationEndpoint: world }
  events.observe(flowBatch(Array(3).fill(outgoing)))
  assert.equal(state.told, [
    'cart u1 PacketDrop: Outgoing packet dropped (policy_denied) to reserved:world (10.0.0.2) TCP/80',
  ])
})

test('other reasons, forwarded flows and pods elsewhere are not told of', () => {
  const { state, events, incoming, own, other } = made()
  const elsewhere = { ...incoming, sourceEndpoint: own, destinationEndpoint: other, direction: Direction.INGRESS }
  for (const row of [{ ...incoming, dropReason: 178 }, { ...incoming, verdict: Verdict.FORWARDED }, elsewhere])
    events.observe(flowBatch(Array(5).fill(row)))
  assert.equal(state.told, [])
})

test('kinds beyond a thousand at a time are counted, and have room when the others’ time is over', () => {
  const { state, events, incoming } = made()
  const rows = Array.from({ length: 1_200 }, (_, i) => ({ ...incoming, sourceEndpoint: 100 + i }))
  events.observe(flowBatch(rows))
  assert.is(state.forgotten, 200)
  state.nowMs = 120_000
  events.observe(flowBatch(rows.slice(1_100)))
  assert.is(state.forgotten, 200)
})

test.run()
