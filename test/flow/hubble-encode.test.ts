import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { addressText } from '../../src/flow/address.ts'
import type { FlowBatch } from '../../src/flow/batch.ts'
import { EndpointTable, endpoint } from '../../src/flow/endpoint.ts'
import { Ends } from '../../src/flow/ends.ts'
import { L7Type, Reply, TcpFlag, Verdict } from '../../src/flow/enums.ts'
import { HubbleEncoder } from '../../src/flow/hubble-encode.ts'
import { parseUuid, uuidPrefix } from '../../src/flow/hubble-uuid.ts'
import { LocalAddresses } from '../../src/flow/local-addresses.ts'
import { summary } from '../../src/flow/summary.ts'
import { messageType } from '../../src/hubble/definition.ts'
import { uuidText } from '../support/flow-uuid.ts'
import { type FlowRow, flowBatch, TCP_SYN } from '../support/flows.ts'

const test = suite('hubble encode')

const PREFIX = uuidPrefix('0f8fad5b-d9cb-469f-a165-70867728950e')
const table = new EndpointTable()
const ends = new Ends(table, new LocalAddresses(() => ['10.0.0.1']))
const encoder = new HubbleEncoder({
  nodeName: 'node-1',
  emitter: { name: 'Fovea', version: '1.2.3' },
  ends,
  uuidPrefix: PREFIX,
})
const { deserialize } = messageType('observer.GetFlowsResponse')

interface Decoded {
  // biome-ignore lint/suspicious/noExplicitAny: any message below flow.Flow
  flow: Record<string, any>
  node_name: string
  time: { seconds?: number; nanos?: number }
}

/** What a client reads of a row. */
function decode(batch: FlowBatch, row: number, serial = 1): Decoded {
  encoder.refresh()
  return deserialize(Buffer.from(encoder.response(batch, row, serial))) as unknown as Decoded
}

const byte = fc.integer({ min: 0, max: 255 })
const port = fc.integer({ min: 0, max: 65_535 })
const v6 = fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 8, maxLength: 8 })
const address = fc.oneof(
  fc.ipV4(),
  v6.map((groups) => groups.map((group) => group.toString(16)).join(':')),
)
const rows: fc.Arbitrary<FlowRow> = fc.record({
  source: address,
  destination: address,
  sourcePort: port,
  destinationPort: port,
  protocol: fc.constantFrom(1, 2, 6, 17, 47, 58, 112, 132),
  tcpFlags: fc.integer({ min: 0, max: 511 }),
  icmpType: byte,
  icmpCode: byte,
  verdict: fc.integer({ min: 0, max: 7 }),
  type: fc.integer({ min: 0, max: 3 }),
  kind: fc.integer({ min: 1, max: 8 }),
  report: fc.integer({ min: 0, max: 7 }),
  eventType: byte,
  eventSubType: byte,
  observationPoint: fc.constantFrom(0, 3, 10, 11, 101),
  direction: fc.integer({ min: 0, max: 2 }),
  isReply: fc.integer({ min: 0, max: 2 }),
  dropReason: fc.constantFrom(0, 133, 205),
  detail: fc.nat(),
  packets: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  bytes: fc.maxSafeNat(),
  rttUs: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  vlan: fc.integer({ min: 0, max: 4_095 }),
  interfaceIndex: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  timeMs: fc.integer({ min: 0, max: 2 ** 41 }),
  interfaceName: fc.string(),
  dropReasonName: fc.string(),
  dropLocation: fc.string({ unit: 'grapheme', maxLength: 300 }),
  sourceNames: fc.stringMatching(/^[a-z.,]*$/),
})

const MEMBERS: Readonly<Record<number, string>> = {
  1: 'ICMPv4',
  2: 'IGMP',
  6: 'TCP',
  17: 'UDP',
  58: 'ICMPv6',
  112: 'VRRP',
  132: 'SCTP',
}

test('a client reads what the columns hold, whatever that is', () => {
  fc.assert(
    fc.property(rows, fc.nat(2), fc.integer({ min: 0, max: 2 ** 46 - 1 }), (row, before, serial) => {
      const batch = flowBatch([...Array.from({ length: before }, () => TCP_SYN), row])
      const at = batch.length - 1
      const { flow, time } = decode(batch, at, serial)
      const { columns } = batch
      assert.equal([time.seconds ?? 0, time.nanos ?? 0], [columns.timeSeconds[at], columns.timeNanos[at]])
      assert.is(flow.IP.source, addressText(columns.sourceAddress, at))
      assert.is(flow.IP.destination, addressText(columns.destinationAddress, at))
      assert.is(flow.l4?.protocol, MEMBERS[row.protocol!])
      assert.is(flow.verdict ?? 0, row.verdict)
      assert.is(flow.Summary, summary(batch, at))
      assert.is(flow.interface?.name ?? '', row.interfaceName)
      assert.is(flow.interface?.index ?? 0, row.interfaceIndex)
      assert.equal(flow.source_names, row.sourceNames === '' ? [] : row.sourceNames!.split(','))
      assert.is(flow.uuid, uuidText(PREFIX, serial, at))
      assert.equal(flow.is_reply, [undefined, {}, { value: true }][row.isReply!])
      assert.is(flow.drop_reason_desc ?? 0, row.verdict === Verdict.DROPPED ? row.dropReason : 0)
    }),
  )
})

test('the ends are the endpoint that was found, else this machine, else the world', () => {
  const id = table.add(
    endpoint({
      identity: 70_000,
      namespace: 'shop',
      podName: 'cart-1',
      labels: ['k8s:app=cart'],
      localId: 9,
      clusterName: 'east',
      workloads: [{ name: 'cart', kind: 'Deployment' }],
    }),
  )
  const batch = flowBatch([
    { ...TCP_SYN, destinationEndpoint: id },
    { ...TCP_SYN, destination: '9.9.9.9' },
  ])
  const first = decode(batch, 0).flow
  assert.is(first.source.identity, 1)
  assert.equal(first.source.labels, ['reserved:host'])
  assert.equal(
    { ...first.destination },
    {
      ID: 9,
      identity: 70_000,
      namespace: 'shop',
      pod_name: 'cart-1',
      labels: ['k8s:app=cart'],
      cluster_name: 'east',
      workloads: [{ name: 'cart', kind: 'Deployment' }],
    },
  )
  assert.is(decode(batch, 1).flow.destination.identity, 2)
})

test('a service at an end is told', () => {
  const id = table.add(endpoint({ service: { name: 'cart', namespace: 'shop' } }))
  const { flow } = decode(flowBatch([{ ...TCP_SYN, destinationEndpoint: id }]), 0)
  assert.equal({ ...flow.destination_service }, { name: 'cart', namespace: 'shop' })
  assert.is(flow.source_service, undefined)
})

test('a DNS answer carries all of its parts', () => {
  const l7 = {
    type: L7Type.RESPONSE,
    query: 'a.example.',
    types: [1, 28],
    answerTypes: [5, 1],
    addresses: ['1.2.3.4', '2001:db8::1'],
    names: ['b.example.'],
    rcode: 0,
    ttlSeconds: 60,
    latencyNs: 5_000_000_000,
  }
  const { flow } = decode(flowBatch([{ ...TCP_SYN, l7 }]), 0)
  assert.is(flow.l7.type, L7Type.RESPONSE)
  assert.is(flow.l7.latency_ns, 5_000_000_000)
  assert.equal(
    { ...flow.l7.dns },
    {
      query: 'a.example.',
      ips: ['1.2.3.4', '2001:db8::1'],
      ttl: 60,
      cnames: ['b.example.'],
      observation_source: 'packet',
      qtypes: ['A', 'AAAA'],
      rrtypes: ['CNAME', 'A'],
    },
  )
})

test('without IP there is no IP, no layer 4 and nobody at the ends', () => {
  const { flow } = decode(flowBatch([{ isReply: Reply.UNKNOWN }]), 0)
  assert.equal([flow.IP, flow.l4, flow.is_reply], [undefined, undefined, undefined])
  assert.equal(flow.source.labels, ['reserved:unknown'])
})

test('TCP flags are fields of their own', () => {
  const { flow } = decode(flowBatch([{ ...TCP_SYN, tcpFlags: TcpFlag.SYN | TcpFlag.NS | TcpFlag.CWR }]), 0)
  assert.equal({ ...flow.l4.TCP.flags }, { SYN: true, CWR: true, NS: true })
})

test('a UUID leads back to its flow, and one of another process nowhere', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 46 - 1 }), fc.nat(16_383), (serial, row) => {
      assert.equal(parseUuid(PREFIX, uuidText(PREFIX, serial, row)), { serial, row })
    }),
  )
  assert.is(parseUuid(PREFIX, uuidText(uuidPrefix('ffffffff-d9cb-469f-a165-70867728950e'), 1, 1)), undefined)
  assert.is(parseUuid(PREFIX, 'nonsense'), undefined)
})

test('messages stay as they are while others are written', () => {
  const batch = flowBatch([{ ...TCP_SYN, interfaceName: 'x'.repeat(70_000) }, TCP_SYN])
  const large = encoder.response(batch, 0, 1)
  const copy = large.slice()
  for (let i = 0; i < 1_000; i++) encoder.response(batch, 1, i)
  assert.ok(Buffer.compare(large, copy) === 0)
})

test.run()
