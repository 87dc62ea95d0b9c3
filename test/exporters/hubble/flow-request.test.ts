import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { InvalidRequestError } from '../../../src/exporters/hubble/flow-query.ts'
import { decodeFlowsRequest } from '../../../src/exporters/hubble/flow-request.ts'
import { messageType } from '../../../src/hubble/definition.ts'

const decoding = suite('decodeFlowsRequest')
const { serialize, deserialize } = messageType('observer.GetFlowsRequest')

decoding('decodes what the definition decodes', () => {
  const request = serialize({
    number: 20,
    follow: true,
    whitelist: [{ source_pod: ['a', 'b'], event_type: [{ type: 4 }] }],
    blacklist: [{ destination_port: ['53'] }],
    field_mask: { paths: ['source.pod_name'] },
  })
  assert.equal(decodeFlowsRequest(request), deserialize(request))
})

decoding('ids of 64 bits stay what they are, packed or one by one', () => {
  const ids = [0n, 77n, 2n ** 53n + 1n, 2n ** 64n - 1n]
  const varint = (id: bigint): number[] => (id < 128n ? [Number(id)] : [Number(id & 127n) | 128, ...varint(id >> 7n)])
  const packed = ids.flatMap(varint)
  const single = ids.flatMap((id) => [0xb8, 0x02, ...varint(id)])
  for (const list of [0x32, 0x2a])
    for (const filter of [[0xba, 0x02, packed.length, ...packed], single]) {
      const { whitelist, blacklist } = decodeFlowsRequest(Uint8Array.from([list, 0, list, filter.length, ...filter]))
      const given = list === 0x32 ? whitelist : blacklist
      assert.equal(given?.[1]?.ip_trace_id, ids)
    }
})

for (const [name, bytes] of Object.entries({
  // Whitelist entries of two bytes each; decoded, they would take gigabytes.
  filters: Buffer.alloc(4 << 20, '3200', 'hex'),
  values: serialize({ blacklist: [{ source_ip: Array.from({ length: 5_000 }, () => '10.0.0.1') }] }),
  'packed numbers': serialize({ whitelist: [{ source_identity: Array.from({ length: 5_000 }, (_, i) => i) }] }),
  expressions: serialize({
    whitelist: [{ experimental: { cel_expression: Array.from({ length: 5_000 }, () => 'true') } }],
  }),
  paths: serialize({ field_mask: { paths: Array.from({ length: 5_000 }, () => 'IP') } }),
}))
  decoding(`refuses a request of too many ${name}`, () => {
    assert.throws(
      () => decodeFlowsRequest(bytes),
      (error: Error) => error instanceof InvalidRequestError && /at most 4096 are taken/.test(error.message),
    )
  })

decoding('whatever bytes come, they are decoded or refused', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      try {
        decodeFlowsRequest(bytes)
      } catch (error) {
        assert.instance(error, InvalidRequestError)
      }
    }),
  )
})

decoding.run()
