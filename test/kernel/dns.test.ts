import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Direction, Kind, Protocol, Reply, Report } from '../../src/flow/enums.ts'
import { Point } from '../../src/flow/points.ts'
import { Conversation, frame, tcp, udp } from '../support/frames.ts'
import { Counter, PacketPrograms, type PacketProgramsOptions, type RecordFields } from '../support/packet-programs.ts'

const PAYLOAD_MAX = 1232
const PSH_ACK = 0x18
const SMALL_RING = 4096

const LOOPBACK = 1

const dns = suite('DNS packets')
/** A second interface for a packet to be forwarded to: programs run only as if on one that exists. */
const link = `fovea${process.pid}`
let other: number

dns.before(() => {
  execFileSync('ip', ['link', 'add', link, 'type', 'veth'])
  other = Number(readFileSync(`/sys/class/net/${link}/ifindex`, 'utf8'))
})
dns.after(() => {
  execFileSync('ip', ['link', 'del', link])
})

function check(name: string, options: PacketProgramsOptions, body: (programs: PacketPrograms) => void): void {
  dns(name, () => {
    const programs = new PacketPrograms(options)
    try {
      body(programs)
      const { reported, seen } = programs.settle()
      assert.equal(reported, seen, 'the deltas add up to what was sent')
    } finally {
      programs.close()
    }
  })
}

check('a query and its answer are records of their own with their payload', {}, (programs) => {
  const talk = new Conversation(Protocol.UDP, { serverPort: 53 })
  const query = message(false, 33)
  const answer = message(true, 120)
  programs.fromPod(talk.request(0, query))
  programs.toPod(talk.answer(0, answer))
  const records = programs.records()
  assert.equal(records.map(story), [
    [Kind.DNS, Point.TO_STACK, Direction.EGRESS, Reply.NO, 1],
    [Kind.DNS, Point.TO_ENDPOINT, Direction.EGRESS, Reply.YES, 1],
  ])
  assert.equal(
    records.map((record) => record.payload),
    [query, answer],
  )
  assert.equal(
    records.map((record) => record.bytes),
    [42 + 33, 42 + 120],
  )
  assert.is(programs.connections(), 0)
})

check('a query that enters the pod is of an ingress connection', {}, (programs) => {
  programs.toPod(new Conversation(Protocol.UDP, { serverPort: 53 }).request(0, message(false, 40)))
  assert.equal(programs.records().map(story), [[Kind.DNS, Point.TO_ENDPOINT, Direction.INGRESS, Reply.NO, 1]])
})

check('multicast DNS is found by its port, and IPv6 too', {}, (programs) => {
  const ports = { sourcePort: 5353, destinationPort: 5353 }
  programs.fromPod(frame({ source: 'fe80::1', destination: 'ff02::fb' }, Protocol.UDP, udp(ports, message(true, 60))))
  const [record] = programs.records()
  assert.is(record?.kind, Kind.DNS)
  assert.is(record?.reply, Reply.YES)
  assert.is(record?.payload.length, 60)
})

check('every length up to the limit arrives whole', {}, (programs) => {
  for (let length = 12; length <= PAYLOAD_MAX; length += 61) {
    const sent = message(false, length)
    programs.fromPod(frame({}, Protocol.UDP, udp({ destinationPort: 53 }, sent)))
    const [record] = programs.records()
    assert.equal(record?.payload, sent)
    assert.is(record?.payloadMissing, 0)
  }
})

check('a longer message is cut, and tells how much is missing', {}, (programs) => {
  const sent = message(true, 1400)
  programs.fromPod(frame({}, Protocol.UDP, udp({ destinationPort: 53 }, sent)))
  const [record] = programs.records()
  assert.equal(record?.payload, sent.subarray(0, PAYLOAD_MAX))
  assert.is(record?.payloadMissing, 1400 - PAYLOAD_MAX)
})

check('the padding of an Ethernet frame is not part of the message', {}, (programs) => {
  const padded = Buffer.concat([
    frame({}, Protocol.UDP, udp({ destinationPort: 53 }, message(false, 12))),
    Buffer.alloc(6),
  ])
  programs.fromPod(padded)
  assert.is(programs.records()[0]?.payload.length, 12)
})

check('what is too short for a DNS header is an ordinary packet', {}, (programs) => {
  programs.fromPod(frame({}, Protocol.UDP, udp({ destinationPort: 53 }, Buffer.alloc(11))))
  assert.equal(
    programs.records().map((record) => record.kind),
    [Kind.PACKETS],
  )
})

check('TCP segments are counted in their connection, and tell their message beside it', {}, (programs) => {
  const talk = new Conversation(Protocol.TCP, { serverPort: 53 })
  const framed = Buffer.concat([Buffer.from([0, 40]), message(true, 40)])
  programs.fromPod(talk.request(2))
  programs.toPod(talk.answer(PSH_ACK, framed))
  const records = programs.records()
  assert.equal(
    records.map(({ kind, packets }) => [kind, packets]),
    [
      [Kind.PACKETS, 1],
      [Kind.DNS, 0],
      [Kind.PACKETS, 1],
    ],
  )
  assert.equal(records[1]?.payload, framed)
  assert.is(records[1]?.bytes, 0)
  assert.is(records[1]?.reply, Reply.YES)
})

check('a TCP segment without payload is no DNS', {}, (programs) => {
  programs.fromPod(frame({}, Protocol.TCP, tcp({ destinationPort: 53 })))
  assert.equal(
    programs.records().map((record) => record.kind),
    [Kind.PACKETS],
  )
})

for (const [name, protocol] of [
  ['a forwarded message', Protocol.UDP],
  ['a forwarded segment with a message', Protocol.TCP],
] as const)
  check(`${name} is told at the first interface and counted at the others`, {}, (programs) => {
    const segment = protocol === Protocol.UDP ? udp : tcp
    const query = frame({}, protocol, segment({ destinationPort: 53 }, message(false, 40)))
    programs.fromPod(query, { ifindex: LOOPBACK })
    const [first] = programs.records().filter((record) => record.kind === Kind.DNS)
    assert.is(first?.payload.length, 40)
    programs.send('network_egress', query, { ifindex: other })
    assert.equal(
      programs.records().map((record) => [record.kind, record.packets]),
      [[Kind.PACKETS, 1]],
    )
  })

check('a question asked again at the same interface is told again', {}, (programs) => {
  const query = frame({}, Protocol.UDP, udp({ destinationPort: 53 }, message(false, 40)))
  for (let i = 0; i < 2; i++) programs.fromPod(query)
  assert.equal(
    programs.records().map((record) => record.kind),
    [Kind.DNS, Kind.DNS],
  )
})

check('other ports can be chosen', { rodata: { cfg_dns_ports: [8053, 0, 0, 0] } }, (programs) => {
  programs.fromPod(frame({}, Protocol.UDP, udp({ destinationPort: 8053 }, message(false, 20))))
  programs.fromPod(frame({}, Protocol.UDP, udp({ destinationPort: 53 }, message(false, 20))))
  assert.equal(
    programs.records().map((record) => record.kind),
    [Kind.DNS, Kind.PACKETS],
  )
})

check('it can be switched off', { rodata: { cfg_dns: 0 } }, (programs) => {
  programs.fromPod(frame({}, Protocol.UDP, udp({ destinationPort: 53 }, message(false, 20))))
  assert.equal(
    programs.records().map((record) => record.kind),
    [Kind.PACKETS],
  )
})

check(
  'a message that finds no room is counted as lost, its packet waits in the table',
  { ringBytes: SMALL_RING },
  (programs) => {
    const query = frame({}, Protocol.UDP, udp({ destinationPort: 53 }, message(false, 1000)))
    for (let i = 0; i < 10; i++) programs.fromPod(query)
    const kept = programs.records().filter((record) => record.kind === Kind.DNS)
    assert.is(programs.counter(Counter.LOST_RING), 10 - kept.length)
    programs.fromPod(query)
    assert.equal(
      programs.records().map((record) => record.kind),
      [Kind.DNS],
    )
    programs.sweep(true)
    const waited = programs.records()
    assert.ok(waited.every((record) => record.kind === Kind.PACKETS && record.report === Report.EXPIRED))
  },
)

dns.run()

/** `length` bytes that differ from place to place, with QR set as told. */
function message(answer: boolean, length: number): Buffer {
  const bytes = Buffer.from(Uint8Array.from({ length }, (_, i) => i % 251))
  bytes[2] = answer ? 0x81 : 0x01
  return bytes
}

function story(record: RecordFields): number[] {
  return [record.kind, record.point, record.direction, record.reply, record.packets]
}
