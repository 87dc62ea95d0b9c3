import { encode, streamEncode } from 'dns-packet'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { addressText } from '../../../src/flow/address.ts'
import { FlowBatch } from '../../../src/flow/batch.ts'
import { MAX_ROWS } from '../../../src/flow/columns.ts'
import { Direction, EventType, FlowType, Kind, Protocol, Reply, Report, Verdict } from '../../../src/flow/enums.ts'
import { Point } from '../../../src/flow/points.ts'
import { WorkerPool } from '../../../src/pipeline/pool.ts'
import { RecordDecoder } from '../../../src/receivers/ebpf/decode.ts'
import type { DecodeResult } from '../../../src/receivers/ebpf/decode-worker.ts'
import { EVENT } from '../../../src/receivers/ebpf/layout.ts'
import { type KernelRecord, recordBytes, slabOf } from '../../support/records.ts'

const test = suite('decode')
const decoder = new RecordDecoder()

function decode(records: readonly KernelRecord[], offsetSeconds = 0, offsetNanos = 0) {
  const buffer = slabOf(records)
  const task = { buffer, bytes: buffer.byteLength, records: records.length, offsetSeconds, offsetNanos }
  const decoded = decoder.decode(task)
  return { ...decoded, batch: new FlowBatch(decoded.parts) }
}

const question = (name: string, id = 7) => encode({ type: 'query', id, questions: [{ type: 'A', name }] })
const dnsOverTcp = (...names: string[]) =>
  Buffer.concat(names.map((name, id) => streamEncode({ type: 'query', id, questions: [{ type: 'A', name }] })))

test('every field of a record arrives in its column', () => {
  const { batch } = decode([
    {
      ifindex: 70_000,
      source: '2001:db8::1',
      destination: '2001:db8::2',
      sourcePort: 65_535,
      destinationPort: 443,
      bytes: 5_000_000_000_000n,
      packets: 4_000_000_000,
      tcpFlags: 0x112,
      icmpType: 3,
      icmpCode: 4,
      detail: 99,
      rttUs: 123_456,
      vlan: 4_094,
      report: Report.INTERVAL,
      reply: Reply.YES,
      direction: Direction.INGRESS,
    },
  ])
  const { columns } = batch
  assert.is(columns.interfaceIndex[0], 70_000)
  assert.is(addressText(columns.sourceAddress, 0), '2001:db8::1')
  assert.is(addressText(columns.destinationAddress, 0), '2001:db8::2')
  assert.equal([columns.sourcePort[0], columns.destinationPort[0]], [65_535, 443])
  assert.equal([columns.bytes[0], columns.packets[0]], [5_000_000_000_000, 4_000_000_000])
  assert.equal([columns.tcpFlags[0], columns.icmpType[0], columns.icmpCode[0]], [0x112, 3, 4])
  assert.equal([columns.detail[0], columns.rttUs[0], columns.vlan[0]], [99, 123_456, 4_094])
  assert.equal([columns.report[0], columns.isReply[0], columns.direction[0]], [Report.INTERVAL, Reply.YES, 1])
  assert.equal([columns.ipVersion[0], columns.protocol[0], columns.weight[0]], [6, Protocol.TCP, 1])
})

const points = [
  { name: 'to-stack', point: Point.TO_STACK, expect: [3, 3, Direction.EGRESS] },
  { name: 'to-endpoint', point: Point.TO_ENDPOINT, expect: [101, 0, Direction.INGRESS] },
  { name: 'from-network', point: Point.FROM_NETWORK, expect: [10, 10, Direction.INGRESS] },
  { name: 'to-network', point: Point.TO_NETWORK, expect: [11, 11, Direction.EGRESS] },
]
for (const { name, point, expect } of points)
  test(`${name} gets the numbers of Hubble, and its direction where the connection has none`, () => {
    const { observationPoint, eventType, eventSubType, direction } = decode([{ point, direction: 0 }]).batch.columns
    assert.equal([observationPoint[0], eventSubType[0], direction[0]], expect)
    assert.is(eventType[0], EventType.TRACE)
  })

test('a drop has its verdict, no reply state, and keeps reason and place as numbers', () => {
  const drop = { kind: Kind.DROP, point: Point.NONE, reply: Reply.NO, detail: 77, location: 12n }
  const { columns } = decode([drop, { ...drop, verdict: 1 }, { ...drop, location: 1n << 40n }]).batch
  assert.equal([...columns.verdict.subarray(0, 3)], [Verdict.DROPPED, Verdict.DROPPED, Verdict.DROPPED])
  assert.equal([...columns.eventType.subarray(0, 3)], [1, 1, 1])
  assert.equal([...columns.isReply.subarray(0, 3)], [0, 0, 0])
  assert.equal([...columns.detail.subarray(0, 3)], [77, 77, 77])
  assert.equal([...columns.dropLocation.subarray(0, 3)], [12, 12, 0], 'what is no id is no place')
  assert.equal([...columns.dropReason.subarray(0, 3)], [0, 133, 0], 'netfilter is known by its flag')
})

test('events of sockets are traced and print as to-stack', () => {
  const { columns } = decode([{ kind: Kind.TCP_RETRANSMIT, point: Point.NONE }]).batch
  assert.equal([columns.type[0], columns.verdict[0]], [FlowType.SOCK, Verdict.TRACED])
  assert.equal([columns.eventType[0], columns.eventSubType[0], columns.observationPoint[0]], [EventType.TRACE, 3, 0])
})

test('wall time is exact for any time since boot', () => {
  fc.assert(
    fc.property(
      fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
      fc.integer({ min: 0, max: 2_000_000_000 }),
      fc.integer({ min: 0, max: 999_999_999 }),
      (timeNs, seconds, nanos) => {
        const { timeSeconds, timeNanos } = decode([{ timeNs }], seconds, nanos).batch.columns
        const wall = timeNs + BigInt(seconds) * 1_000_000_000n + BigInt(nanos)
        assert.is(timeSeconds[0], Number(BigInt.asUintN(32, wall / 1_000_000_000n)))
        assert.is(timeNanos[0], Number(wall % 1_000_000_000n))
      },
    ),
  )
})

test('a DNS message becomes an L7 row of its flow', () => {
  const payload = question('Api.Example.COM')
  const { batch } = decode([{ kind: Kind.DNS, protocol: Protocol.UDP, destinationPort: 53, payload, reply: 0 }])
  const { columns, l7 } = batch
  assert.is(l7.query(columns.l7[0]! - 1), 'api.example.com.')
  assert.equal([columns.type[0], columns.eventType[0], columns.isReply[0]], [FlowType.L7, EventType.L7, Reply.NO])
  assert.equal([columns.verdict[0], columns.packets[0]], [Verdict.FORWARDED, 1])
})

test('what is no DNS message stays a flow with its packets and bytes', () => {
  const payload = Buffer.from('this is something else')
  const { batch, unparsedDns } = decode([{ kind: Kind.DNS, protocol: Protocol.UDP, payload, packets: 1, bytes: 64 }])
  assert.is(unparsedDns, 1)
  assert.equal([batch.columns.l7[0], batch.columns.kind[0]], [0, Kind.PACKETS])
  assert.equal([batch.columns.type[0], batch.columns.eventType[0]], [FlowType.L3_L4, EventType.TRACE])
  assert.equal([batch.columns.packets[0], batch.columns.bytes[0]], [1, 64])
})

test('each message of a TCP segment gets a row, the first one with the packets', () => {
  const payload = dnsOverTcp('a.test', 'b.test', 'c.test')
  const dns = { kind: Kind.DNS, protocol: Protocol.TCP, payload, packets: 1, bytes: 200 }
  const { batch, cutRecords } = decode([dns, {}])
  assert.is(cutRecords, 0)
  assert.is(batch.length, 4)
  const names = [0, 2, 3].map((row) => batch.l7.query(batch.columns.l7[row]! - 1))
  assert.equal(names, ['a.test.', 'b.test.', 'c.test.'])
  assert.equal([...batch.columns.packets.subarray(0, 4)], [1, 1, 0, 0])
  assert.is(
    batch.columns.bytes.subarray(0, 4).reduce((a, b) => a + b),
    274,
  )
})

test('a later part of a message over TCP that carries no packets is no row', () => {
  const payload = Buffer.alloc(200, 0x5a)
  const { batch, unparsedDns } = decode([{ kind: Kind.DNS, protocol: Protocol.TCP, payload, packets: 0, bytes: 0 }, {}])
  assert.equal([batch.length, unparsedDns], [1, 1])
})

test('decoding stops at a corrupt length and tells how many records were cut', () => {
  const records = [recordBytes({}), recordBytes({}), recordBytes({}), recordBytes({})]
  records[2]!.writeUInt16LE(97, EVENT.length)
  const buffer = Uint8Array.from(Buffer.concat(records)).buffer
  const task = { buffer, bytes: buffer.byteLength, records: 4, offsetSeconds: 0, offsetNanos: 0 }
  const decoded = decoder.decode(task)
  assert.equal([decoded.parts.length, decoded.cutRecords], [2, 2])
})

test('a record that the end of the slab cuts is not read', () => {
  const buffer = slabOf([{}, {}])
  const decoded = decoder.decode({ buffer, bytes: 184, records: 2, offsetSeconds: 0, offsetNanos: 0 })
  assert.equal([decoded.parts.length, decoded.cutRecords], [1, 1])
})

test('records of kinds to come are left out and counted', () => {
  const { batch, cutRecords } = decode([{ kind: 200 }, {}])
  assert.equal([batch.length, cutRecords], [1, 1])
})

test('more records than a batch has rows are cut and counted', () => {
  const one = recordBytes({})
  const buffer = Uint8Array.from(Buffer.concat(Array.from({ length: MAX_ROWS + 5 }, () => one))).buffer
  const task = { buffer, bytes: buffer.byteLength, records: MAX_ROWS + 5, offsetSeconds: 0, offsetNanos: 0 }
  const decoded = decoder.decode(task)
  assert.equal([decoded.parts.length, decoded.cutRecords], [MAX_ROWS, 5])
})

test('no bytes make it throw or write more rows than there are records', () => {
  const header = recordBytes({ kind: Kind.DNS, protocol: Protocol.TCP, payload: new Uint8Array(40) })
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 600 }),
      fc.nat(20),
      fc.array(fc.tuple(fc.nat(599), fc.nat(255)), { maxLength: 8 }),
      (noise, records, changes) => {
        const bytes = Buffer.concat([header, noise, header, noise])
        for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value
        const buffer = Uint8Array.from(bytes).buffer
        const task = { buffer, bytes: bytes.length, records, offsetSeconds: 0, offsetNanos: 0 }
        const { parts } = decoder.decode(task)
        assert.ok(parts.length <= Math.max(records, 0) + bytes.length / 14)
      },
    ),
    { numRuns: 500 },
  )
})

test('a worker moves slab and batch, and answers nonsense with data', async () => {
  const pool = new WorkerPool()
  const worker = new URL('../../../src/receivers/ebpf/decode-worker.ts', import.meta.url)
  try {
    const slab = slabOf([{}, {}])
    const size = slab.byteLength
    const task = { slab, bytes: size, records: 2, offsetSeconds: 0, offsetNanos: 0 }
    const good = await pool.run<DecodeResult>(worker, 'decode', task, [slab])
    assert.is(slab.byteLength, 0, 'the slab was moved')
    assert.ok(good.ok && good.parts.length === 2 && good.slab.byteLength === size)
    const bad = await pool.run<DecodeResult>(worker, 'decode', { ...task, slab: good.slab, bytes: 1e9 }, [good.slab])
    assert.ok(!bad.ok && bad.kind === 'bad_task' && bad.slab.byteLength === size)
    assert.match(bad.message, 'a slab of 192 bytes cannot hold 2 records')
  } finally {
    await pool.close()
  }
})

test.run()
