import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { EndpointTable } from '../../../src/flow/endpoint.ts'
import type { ForeignFlows } from '../../../src/flow/foreign.ts'
import { FlowRows } from '../../../src/receivers/hubble/flow-rows.ts'
import { ForeignEndpoints } from '../../../src/receivers/hubble/foreign-endpoints.ts'
import { encodeFlow } from '../../support/flow-messages.ts'

const test = suite('flows that are none')

/** The foreign flows of a batch of one flow; undefined = it was refused. */
function taken(flow: Uint8Array): ForeignFlows | undefined {
  const table = new EndpointTable()
  const rows = new FlowRows(table, new ForeignEndpoints(table, 64))
  return rows.add(flow, 0, flow.length) ? rows.take([]).foreign : undefined
}

const FULL = {
  uuid: 'u',
  node_name: 'c/n',
  node_labels: ['a=1'],
  IP: { source: '10.0.0.1', source_xlated: '10.9.9.9' },
  ethernet: { source: '00:00:00:00:00:01' },
  ip_trace_id: { trace_id: '18446744073709551615' },
  trace_context: { parent: { trace_id: 'abc' } },
  l4: { TCP: { source_port: 1, flags: { SYN: true } } },
  l7: { dns: { query: 'a.', observation_source: 'proxy' } },
  egress_allowed_by: [{ name: 'p', labels: ['l'] }],
}

/** Parts of a flow that no column has a place for; each is followed by bytes that a number cut off would take. */
const BROKEN: Readonly<Record<string, readonly number[]>> = {
  'a number that is cut off': [0xc2, 0x02, 2, 0x08, 0x80, 0x90, 0x03, 1],
  'a text longer than its message': [0xf2, 0x01, 4, 0x0a, 2, 0x0a, 0x7f],
  'a text that is no UTF-8': [0x22, 3, 0x0a, 1, 0xff],
  'a text that is cut off within a character': [0x82, 0xea, 0x30, 2, 0x61, 0xc3],
  'an end with a text that is no UTF-8': [0x42, 3, 0x22, 1, 0xff],
  'a service with a text that is no UTF-8': [0xa2, 0x01, 3, 0x0a, 1, 0xff],
  'an end given twice': [0x42, 2, 0x22, 0, 0x42, 2, 0x22, 0],
  'a group': [0x22, 2, 0x0b, 0x0c],
}

for (const [what, bytes] of Object.entries(BROKEN)) {
  test(`${what} makes a flow malformed`, () => {
    assert.is(taken(Buffer.concat([encodeFlow(FULL), Uint8Array.from(bytes)])), undefined)
  })
}

test('fields that nobody knows, and known ones in another form, stay', () => {
  const flow = Buffer.concat([encodeFlow(FULL), Uint8Array.of(0xfa, 0xdd, 0x0a, 1, 0xff, 0x20, 5)])
  assert.equal(taken(flow)!.raw(0), Uint8Array.from(flow))
})

test('what is taken can be asked for everything, whatever happened to its bytes', () => {
  const flow = encodeFlow(FULL)
  const change = fc.record({
    at: fc.nat(flow.length - 1),
    to: fc.oneof(fc.nat(255), fc.constantFrom(0x80, 0xff, 0, 1)),
  })
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
      const changed = Uint8Array.from(flow)
      for (const { at, to } of changes) changed[at] = to
      const flows = taken(changed)
      if (flows === undefined) return
      flows.ipTraceId(0)
      for (const read of ['uuid', 'nodeName', 'sourceXlated', 'traceId', 'summary', 'dnsSource'] as const)
        flows[read](0)
      for (const read of ['encrypted', 'nodeLabels', 'hasTcpFlags', 'isKafka', 'policyMatchType'] as const)
        flows[read](0)
    }),
    { numRuns: 3_000 },
  )
})

test.run()
