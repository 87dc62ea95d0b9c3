import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { FlowBatch } from '../../src/flow/batch.ts'
import { EndpointTable, UNKNOWN_ENDPOINT, WORLD_ENDPOINT } from '../../src/flow/endpoint.ts'
import { Ends } from '../../src/flow/ends.ts'
import { EventType } from '../../src/flow/enums.ts'
import { eventTypeText } from '../../src/flow/event-type-text.ts'
import { ForeignBuilder, type ForeignFlows } from '../../src/flow/foreign.ts'
import { HubbleEncoder } from '../../src/flow/hubble-encode.ts'
import { KeptBatch } from '../../src/flow/kept-batch.ts'
import { summary } from '../../src/flow/summary.ts'
import { messageType } from '../../src/hubble/definition.ts'
import { encodeFlow } from '../support/flow-messages.ts'
import { flowBatch, TCP_SYN } from '../support/flows.ts'

const test = suite('flows of other observers')

const UNKNOWN_FIELD = Uint8Array.of(0xfa, 0xdd, 0x0a, 3, 1, 2, 3)

function foreign(...flows: readonly Uint8Array[]): ForeignFlows {
  const builder = new ForeignBuilder(flows.length, 1)
  for (const flow of flows) builder.add(flow)
  return builder.take()
}

/** One row for each flow; the columns tell something else, so that it shows who is asked. */
function foreignBatch(...flows: readonly object[]): FlowBatch {
  const batch = flowBatch(flows.map(() => TCP_SYN))
  batch.foreign = foreign(...flows.map((flow) => encodeFlow(flow, UNKNOWN_FIELD)))
  return batch
}

const numbered = (count: number) => Array.from({ length: count }, (_, i) => ({ uuid: `flow-${i}` }))

function uuids(batch: FlowBatch): string[] {
  return Array.from({ length: batch.length }, (_, row) => batch.foreign!.uuid(row))
}

test('accessors find their fields, and what is absent is empty', () => {
  const full = encodeFlow({
    uuid: 'u',
    node_name: 'c/n',
    node_labels: ['a=1', 'b=2'],
    IP: { source: '10.0.0.1', encrypted: true, source_xlated: '10.9.9.9' },
    ip_trace_id: { trace_id: '18446744073709551615' },
    trace_context: { parent: { trace_id: 'abc' } },
    Summary: 'said so',
    l7: { dns: { observation_source: 'proxy' } },
    policy_match_type: 4,
  })
  const flows = foreign(full, new Uint8Array(0), encodeFlow({ IP: { source: '10.0.0.1' } }))
  const seen = (row: number) => [
    flows.uuid(row),
    flows.nodeName(row),
    flows.nodeLabels(row),
    flows.encrypted(row),
    flows.sourceXlated(row),
    flows.ipTraceId(row),
    flows.traceId(row),
    flows.summary(row),
    flows.dnsSource(row),
    flows.policyMatchType(row),
  ]
  const all = ['u', 'c/n', ['a=1', 'b=2'], true, '10.9.9.9', 2n ** 64n - 1n, 'abc', 'said so', 'proxy', 4]
  assert.equal(seen(0), all)
  assert.equal(seen(1), ['', '', [], undefined, '', 0n, '', '', '', 0])
  assert.is(flows.encrypted(2), false)
  assert.equal([flows.has(2), flows.has(3)], [true, false])
})

test('of a field that comes twice the last one counts', () => {
  const flows = foreign(Buffer.concat([encodeFlow({ uuid: 'first' }), encodeFlow({ uuid: 'second' })]))
  assert.is(flows.uuid(0), 'second')
})

test('an answer carries the flow byte for byte, with its own node and the time of the row', () => {
  const batch = foreignBatch({ uuid: 'u', node_name: 'elsewhere', policy_log: ['x'] })
  const table = new EndpointTable()
  const settings = { nodeName: 'gateway', emitter: { name: 'Fovea', version: '0' }, uuidPrefix: '' }
  const answer = new HubbleEncoder({ ...settings, ends: new Ends(table) }).response(batch, 0, 1)
  const flow = Buffer.from(batch.foreign!.raw(0))
  assert.ok(Buffer.from(answer).includes(flow))
  const decoded = messageType('observer.GetFlowsResponse').deserialize(Buffer.from(answer)) as {
    node_name: string
    flow: { uuid: string }
  }
  assert.is(decoded.node_name, 'elsewhere')
  assert.is(decoded.flow.uuid, 'u')
})

test('a selection has the flows of its rows', () => {
  const batch = foreignBatch(...numbered(6))
  assert.equal(uuids(batch.select(Uint8Array.of(0, 1, 0, 0, 1, 1))), ['flow-1', 'flow-4', 'flow-5'])
})

test('a copy lives on when the batch is released, the last one to go frees the bytes', () => {
  const batch = foreignBatch(...numbered(3))
  const copy = batch.copy()
  batch.release()
  assert.equal(uuids(copy), ['flow-0', 'flow-1', 'flow-2'])
  const { foreign: flows } = copy
  copy.release()
  assert.is(flows!.raw(1).length, 0)
})

test('what is kept of a few rows keeps no heap of many', () => {
  const many = foreignBatch(...numbered(4_000))
  const one = many.select(new Uint8Array(4_000).fill(1, 3_999))
  const kept = new KeptBatch(one)
  assert.ok(kept.bytes < 5_000, `${kept.bytes} bytes`)
  many.release()
  assert.equal(uuids(kept.batch), ['flow-3999'])
  kept.release()
})

test('summary and type are those that the observer told', () => {
  const batch = foreignBatch({ Summary: 'its own words', policy_match_type: 2 }, {})
  batch.columns.eventType.fill(EventType.POLICY_VERDICT)
  assert.is(summary(batch, 0), 'its own words')
  assert.is(summary(batch, 1), '')
  assert.is(eventTypeText(batch, 0), 'policy-verdict:l3-l4 EGRESS')
})

test('an end that the observer did not name is not named by the addresses of this machine', () => {
  const [own, others] = [flowBatch([TCP_SYN]), foreignBatch({})]
  const ends = new Ends()
  assert.is(ends.source(own, 0), WORLD_ENDPOINT)
  assert.is(ends.source(others, 0), UNKNOWN_ENDPOINT)
  assert.is(ends.destination(others, 0), UNKNOWN_ENDPOINT)
})

test('a builder that grows and is used again', () => {
  const builder = new ForeignBuilder(3, 1)
  for (const round of [1, 2]) {
    for (const i of [0, 1, 2]) builder.add(encodeFlow({ uuid: `${round}-${i}`.repeat(100) }))
    const flows = builder.take()
    assert.is(flows.uuid(2), `${round}-2`.repeat(100))
    assert.is(builder.used, 0)
  }
})

test.run()
