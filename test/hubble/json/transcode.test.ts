import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { MalformedError } from '../../../src/flow/protobuf-reader.ts'
import { messageType } from '../../../src/hubble/definition.ts'
import { jsonMessage } from '../../../src/hubble/json/schema.ts'
import { JsonTranscoder } from '../../../src/hubble/json/transcode.ts'
import { encodeFlow, flowMessage } from '../../support/flow-messages.ts'

/** That the bytes are those of Go is shown by test/peers/file-exporter.test.ts. */
const test = suite('protobuf as JSON')

function json(type: string, bytes: Uint8Array): string {
  const transcoder = new JsonTranscoder()
  transcoder.append(jsonMessage(type), bytes)
  return Buffer.from(transcoder.out.bytes.subarray(0, transcoder.out.used)).toString()
}

const encoded = (type: string, message: object) => messageType(type).serialize(message)

const cases: { name: string; type: string; message: object; text: string }[] = [
  { name: 'a message without fields', type: 'flow.Flow', message: {}, text: '{}' },
  { name: 'an empty message within', type: 'flow.Flow', message: { source: {} }, text: '{"source":{}}' },
  { name: 'wrappers of false', type: 'flow.Flow', message: { is_reply: { value: false } }, text: '{"is_reply":false}' },
  { name: 'wrappers of 0', type: 'flow.LostEvent', message: { cpu: { value: 0 } }, text: '{"cpu":0}' },
  { name: 'wrapped negative numbers', type: 'flow.LostEvent', message: { cpu: { value: -3 } }, text: '{"cpu":-3}' },
  {
    name: 'members in the order of the declaration',
    type: 'flow.Flow',
    message: { Summary: 's', uuid: 'u', verdict: 1 },
    text: '{"uuid":"u","verdict":"FORWARDED","Summary":"s"}',
  },
  { name: 'enums nobody named', type: 'flow.Flow', message: { verdict: 77 }, text: '{"verdict":77}' },
  {
    name: 'negative numbers',
    type: 'flow.CiliumEventType',
    message: { type: -1, sub_type: -(2 ** 31) },
    text: '{"type":-1,"sub_type":-2147483648}',
  },
  {
    name: '64-bit integers as text',
    type: 'flow.Layer7',
    message: { latency_ns: 123_456_789_012 },
    text: '{"latency_ns":"123456789012"}',
  },
  {
    name: 'times without fraction',
    type: 'flow.Flow',
    message: { time: { seconds: 1 } },
    text: '{"time":"1970-01-01T00:00:01Z"}',
  },
  {
    name: 'times with 3 digits',
    type: 'flow.Flow',
    message: { time: { seconds: 1, nanos: 5e6 } },
    text: '{"time":"1970-01-01T00:00:01.005Z"}',
  },
  {
    name: 'times with 6 digits',
    type: 'flow.Flow',
    message: { time: { nanos: 50_000 } },
    text: '{"time":"1970-01-01T00:00:00.000050Z"}',
  },
  {
    name: 'times with 9 digits',
    type: 'flow.Flow',
    message: { time: { nanos: 7 } },
    text: '{"time":"1970-01-01T00:00:00.000000007Z"}',
  },
  {
    name: 'lists of messages',
    type: 'flow.HTTP',
    message: { headers: [{ key: 'a' }, {}] },
    text: '{"headers":[{"key":"a"},{}]}',
  },
  {
    name: 'lists with empty texts',
    type: 'flow.Flow',
    message: { source_names: ['', 'a'] },
    text: '{"source_names":["","a"]}',
  },
]
for (const { name, type, message, text } of cases) test(name, () => assert.is(json(type, encoded(type, message)), text))

test('numbers beyond 2^53 are exact', () => {
  const bytes = Uint8Array.of(0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01)
  assert.is(json('flow.IPTraceID', bytes), '{"trace_id":"18446744073709551615"}')
})

test('of a field given twice the last one counts', () => {
  const bytes = Buffer.concat([encoded('flow.Flow', { uuid: 'a' }), encoded('flow.Flow', { uuid: 'b' })])
  assert.is(json('flow.Flow', bytes), '{"uuid":"b"}')
})

test('a list may be written in pieces', () => {
  const parts = [{ source_names: ['a'] }, { uuid: 'u' }, { source_names: ['b'] }]
  const bytes = Buffer.concat(parts.map((part) => encoded('flow.Flow', part)))
  assert.is(json('flow.Flow', bytes), '{"uuid":"u","source_names":["a","b"]}')
})

test('what is no UTF-8 becomes what stands for it', () => {
  assert.is(json('flow.Service', Uint8Array.of(0x0a, 2, 0xff, 0x61)), '{"name":"\ufffda"}')
})

test('extensions of our own, and none of types that Hubble does not have', () => {
  const struct = {
    fields: { b: { numberValue: 1.5 }, a: { stringValue: 'x' }, n: { nullValue: 0 }, t: { boolValue: true } },
  }
  const value = messageType('google.protobuf.Struct').serialize(struct)
  const any = (type_url: string) => encoded('flow.Flow', { uuid: 'u', extensions: { type_url, value } })
  assert.is(
    json('flow.Flow', any('type.googleapis.com/google.protobuf.Struct')),
    '{"uuid":"u","extensions":{"@type":"type.googleapis.com/google.protobuf.Struct","value":{"a":"x","b":1.5,"n":null,"t":true}}}',
  )
  assert.is(json('flow.Flow', any('type.googleapis.com/acme.Thing')), '{"uuid":"u"}')
})

test('every generated flow is JSON', () => {
  fc.assert(fc.property(flowMessage, (flow) => void JSON.parse(json('flow.Flow', encodeFlow(flow)))))
})

test('bytes that are no message are refused, never read beyond, and leave nothing behind', () => {
  const transcoder = new JsonTranscoder()
  const flow = fc.oneof(fc.uint8Array({ maxLength: 200 }), cutFlow())
  fc.assert(
    fc.property(flow, (bytes) => {
      transcoder.out.used = 0
      try {
        transcoder.append(jsonMessage('flow.Flow'), bytes)
        JSON.parse(Buffer.from(transcoder.out.bytes.subarray(0, transcoder.out.used)).toString())
      } catch (error) {
        assert.instance(error, MalformedError)
        assert.is(transcoder.out.used, 0)
      }
    }),
    { numRuns: 2_000 },
  )
})

function cutFlow(): fc.Arbitrary<Uint8Array> {
  return fc
    .tuple(flowMessage, fc.double({ min: 0, max: 1, noNaN: true }))
    .map(([flow, part]) => encodeFlow(flow).subarray(0, Math.floor(part * encodeFlow(flow).length)))
}

test.run()
