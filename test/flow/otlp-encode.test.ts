import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { FlowBatch } from '../../src/flow/batch.ts'
import { EndpointTable, endpoint } from '../../src/flow/endpoint.ts'
import { Ends } from '../../src/flow/ends.ts'
import { Verdict } from '../../src/flow/enums.ts'
import { OtlpFlowEncoder } from '../../src/flow/otlp-encode.ts'
import { OtlpRequestEncoder } from '../../src/flow/otlp-request.ts'
import { flowBatch, TCP_SYN } from '../support/flows.ts'
import { FIRST_MS, generatedBatch } from '../support/generated-flows.ts'
import { generatedForeignBatch } from '../support/generated-foreign-flows.ts'
import { expectedAttributes } from '../support/otlp-attributes.ts'
import { type ReadRecord, readLogsRequest } from '../support/otlp-messages.ts'

const RESOURCE = { 'service.name': 'fovea', 'host.name': 'n1', 'process.pid': 7, flag: true, list: ['a', 'b'] }
const OBSERVED_MS = 1_800_000_000_123

const test = suite('flows as OTLP log records')

function readBack(encoder: OtlpFlowEncoder, batch: FlowBatch, cut = batch.length): ReadRecord[] {
  encoder.refresh()
  const parts = [
    encoder.records(batch, 0, cut, OBSERVED_MS).slice(),
    encoder.records(batch, cut, batch.length, OBSERVED_MS),
  ]
  const { resource, scope, records } = readLogsRequest(
    new OtlpRequestEncoder(RESOURCE, { name: 'fovea', version: '1' }).request(parts),
  )
  assert.equal(resource, RESOURCE)
  assert.equal(scope, { name: 'fovea', version: '1' })
  return records
}

function assertSame(records: readonly ReadRecord[], batch: FlowBatch, ends: Ends): void {
  const { timeSeconds, timeNanos, verdict } = batch.columns
  assert.is(records.length, batch.length)
  records.forEach((record, row) => {
    const dropped = verdict[row] === Verdict.DROPPED
    assert.is(record.timeUnixNano, String(BigInt(timeSeconds[row]!) * 1_000_000_000n + BigInt(timeNanos[row]!)))
    assert.is(record.observedTimeUnixNano, `${OBSERVED_MS}000000`)
    assert.equal([record.severityNumber, record.severityText], dropped ? [13, 'WARN'] : [9, 'INFO'])
    assert.is(record.eventName, 'network.flow')
    assert.is(record.traceId, batch.foreign?.traceId(row) ?? '')
    assert.equal(record.attributes, expectedAttributes(batch, row, ends))
  })
}

test("what a decoder reads of any of this machine's flows is the flow", () => {
  const table = new EndpointTable()
  const ends = new Ends(table)
  const encoder = new OtlpFlowEncoder(ends)
  fc.assert(
    fc.property(fc.integer(), fc.nat(50), (seed, cut) => {
      const batch = generatedBatch(table, { seed, count: 50, firstMs: FIRST_MS })
      assertSame(readBack(encoder, batch, cut), batch, ends)
    }),
    { numRuns: 60 },
  )
})

test("what a decoder reads of any of another observer's flows is the flow, with its UUID and trace", () => {
  const table = new EndpointTable()
  const ends = new Ends(table)
  const encoder = new OtlpFlowEncoder(ends)
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const batch = generatedForeignBatch(table, { seed, count: 50, firstMs: FIRST_MS })
      assertSame(readBack(encoder, batch), batch, ends)
    }),
    { numRuns: 60 },
  )
})

test('times from the first to the last second, and nanoseconds, are exact', () => {
  const batch = flowBatch(Array.from({ length: 200 }, () => TCP_SYN))
  const { timeSeconds, timeNanos } = batch.columns
  fc.sample(fc.tuple(fc.integer({ min: 0, max: 0xffffffff }), fc.integer({ min: 0, max: 999_999_999 })), 200).forEach(
    ([seconds, nanos], row) => {
      timeSeconds[row] = seconds
      timeNanos[row] = nanos
    },
  )
  timeSeconds[0] = 0xffffffff
  timeNanos[0] = 999_999_999
  const ends = new Ends()
  assertSame(readBack(new OtlpFlowEncoder(ends), batch), batch, ends)
})

test('an id that becomes another endpoint has the attributes of that one', () => {
  const table = new EndpointTable()
  const ends = new Ends(table)
  const encoder = new OtlpFlowEncoder(ends)
  const batch = flowBatch([TCP_SYN])
  const named = (podName: string) => endpoint({ identity: 1_000, namespace: 'shop', podName, zone: 'z1' })
  const id = table.add(named('old'))
  batch.columns.sourceEndpoint[0] = id
  assert.is(readBack(encoder, batch)[0]?.attributes['source.k8s.pod.name'], 'old')
  const known = table.get.bind(table)
  table.get = (asked) => (asked === id ? NEW : known(asked))
  const NEW = named('new')
  const [record] = readBack(encoder, batch)
  assert.is(record?.attributes['source.k8s.pod.name'], 'new')
  assert.is(record?.attributes['source.cloud.availability_zone'], 'z1')
})

test('more endpoints than are kept encoded are still right', () => {
  const table = new EndpointTable()
  const ends = new Ends(table)
  const encoder = new OtlpFlowEncoder(ends)
  const ids = Array.from({ length: 20_000 }, (_, i) => table.add(endpoint({ identity: 256 + i, podName: `p-${i}` })))
  for (let from = 0; from < ids.length; from += 10_000) {
    const batch = flowBatch(Array.from({ length: 10_000 }, () => TCP_SYN))
    for (let row = 0; row < batch.length; row++) batch.columns.sourceEndpoint[row] = ids[from + row]!
    const records = readBack(encoder, batch)
    for (const row of [0, 6_383, 6_384, 6_385, 9_999]) {
      assert.is(records[row]?.attributes['source.k8s.pod.name'], `p-${from + row}`)
    }
  }
})

test.run()
