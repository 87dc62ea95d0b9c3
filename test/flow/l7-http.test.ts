import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { FlowBatch } from '../../src/flow/batch.ts'
import { Ends } from '../../src/flow/ends.ts'
import { EventType, FlowType, L7Type } from '../../src/flow/enums.ts'
import { eventTypeText } from '../../src/flow/event-type-text.ts'
import { HubbleEncoder } from '../../src/flow/hubble-encode.ts'
import { L7Protocol, L7Table } from '../../src/flow/l7.ts'
import { type HttpMessage, L7Builder } from '../../src/flow/l7-builder.ts'
import { OtlpFlowEncoder } from '../../src/flow/otlp-encode.ts'
import { OtlpRequestEncoder } from '../../src/flow/otlp-request.ts'
import { summary } from '../../src/flow/summary.ts'
import { messageType } from '../../src/hubble/definition.ts'
import { flowBatch, TCP_SYN } from '../support/flows.ts'
import { readLogsRequest } from '../support/otlp-messages.ts'

const test = suite('HTTP rows')

const REQUEST: HttpMessage = {
  type: L7Type.REQUEST,
  latencyNs: 0,
  code: 0,
  method: 'GET',
  url: 'http://shop/cart?id=1',
  protocol: 'HTTP/1.1',
  headers: [
    ['Host', 'shop'],
    ['X-Empty', ''],
  ],
}
const RESPONSE: HttpMessage = { ...REQUEST, type: L7Type.RESPONSE, code: 503, latencyNs: 12_900_000, headers: [] }

function table(...messages: readonly HttpMessage[]): L7Table {
  const builder = new L7Builder(messages.length, 1 << 20)
  for (const [i, message] of messages.entries()) assert.is(builder.addHttp(message), i + 1)
  return new L7Table(builder.take())
}

function batchOf(message: HttpMessage): FlowBatch {
  const plain = flowBatch([{ ...TCP_SYN, type: FlowType.L7, eventType: EventType.L7, eventSubType: 0 }])
  const l7 = table(message).parts
  const batch = new FlowBatch({ ...plain, strings: plain.strings, buffer: plain.buffer, l7 })
  batch.columns.l7[0] = 1
  return batch
}

test('what was written is read', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 20 }).map((value) => value.replaceAll('\0', ' '))
  const message = fc.record({
    type: fc.integer({ min: 0, max: 3 }),
    latencyNs: fc.nat(),
    code: fc.integer({ min: 0, max: 999 }),
    method: text,
    url: text,
    protocol: text,
    headers: fc.array(fc.tuple(text, text), { maxLength: 5 }),
  })
  fc.assert(
    fc.property(fc.array(message, { minLength: 1, maxLength: 5 }), (messages) => {
      const rows = table(...messages)
      messages.forEach((expected, row) => {
        const { type, latencyNs, protocol, truncated } = rows.columns
        assert.is(protocol[row], L7Protocol.HTTP)
        assert.is(truncated[row], 0)
        assert.equal([type[row], latencyNs[row]], [expected.type, expected.latencyNs])
        assert.is(rows.httpCode(row), expected.code)
        assert.is(rows.httpMethod(row), expected.method)
        assert.is(rows.httpUrl(row), expected.url)
        assert.is(rows.httpProtocol(row), expected.protocol)
        assert.equal(rows.httpHeaders(row), expected.headers)
      })
    }),
  )
})

test('what is too long is cut and marked, a NUL separates nothing', () => {
  const rows = table({ ...REQUEST, url: 'u'.repeat(70_000) }, { ...REQUEST, headers: [['a\0b', 'c']] })
  assert.is(rows.httpUrl(0).length, 65_535)
  assert.is(rows.columns.truncated[0], 1)
  assert.equal(rows.httpHeaders(1), [['a b', 'c']])
})

test('a full table takes no further row and counts it', () => {
  const builder = new L7Builder(1, 1 << 20)
  assert.is(builder.addHttp(REQUEST), 1)
  assert.is(builder.addHttp(REQUEST), 0)
  assert.is(builder.refused, 1)
})

test('texts are those of Hubble', () => {
  assert.is(summary(batchOf(REQUEST), 0), 'HTTP/1.1 GET http://shop/cart?id=1')
  assert.is(summary(batchOf(RESPONSE), 0), 'HTTP/1.1 503 12ms (GET http://shop/cart?id=1)')
  assert.is(eventTypeText(batchOf(REQUEST), 0), 'http-request')
  assert.is(eventTypeText(batchOf(RESPONSE), 0), 'http-response')
})

test('Hubble clients get them whole', () => {
  const settings = { nodeName: 'n', emitter: { name: 'Fovea', version: '0' }, uuidPrefix: '' }
  const encoder = new HubbleEncoder({ ...settings, ends: new Ends() })
  const answer = messageType('observer.GetFlowsResponse').deserialize(
    Buffer.from(encoder.response(batchOf({ ...RESPONSE, headers: REQUEST.headers }), 0, 1)),
  ) as { flow: { l7: { type: number; latency_ns: number; http: object; dns?: object } } }
  const { l7 } = answer.flow
  assert.is(l7.type, L7Type.RESPONSE)
  assert.is(l7.latency_ns, RESPONSE.latencyNs)
  assert.not(l7.dns)
  assert.equal(JSON.parse(JSON.stringify(l7.http)), {
    code: 503,
    method: 'GET',
    url: REQUEST.url,
    protocol: 'HTTP/1.1',
    headers: [{ key: 'Host', value: 'shop' }, { key: 'X-Empty' }],
  })
})

test('log records have the names of the semantic conventions, and no header', () => {
  const records = new OtlpFlowEncoder(new Ends()).records(batchOf(RESPONSE), 0, 1, 0)
  const request = new OtlpRequestEncoder({}, { name: 'fovea', version: '' }).request([records])
  const attributes = readLogsRequest(request).records[0]!.attributes
  assert.is(attributes['network.protocol.name'], 'http')
  assert.is(attributes['network.protocol.version'], '1.1')
  assert.is(attributes['http.request.method'], 'GET')
  assert.is(attributes['http.response.status_code'], 503)
  assert.is(attributes['url.full'], REQUEST.url)
  assert.is(attributes['hubble.l7.latency_ns'], RESPONSE.latencyNs)
  assert.not(Object.keys(attributes).some((name) => name.startsWith('dns.') || name.includes('header')))
})

test.run()
