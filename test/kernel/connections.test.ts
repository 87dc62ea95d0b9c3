import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Direction, Protocol, Reply, Report, TcpFlag } from '../../src/flow/enums.ts'
import { Point } from '../../src/flow/points.ts'
import { Conversation, frame, icmp, tcp, udp } from '../support/frames.ts'
import {
  Counter,
  type PacketProgram,
  PacketPrograms,
  type PacketProgramsOptions,
  type RecordFields,
} from '../support/packet-programs.ts'

const { FIN, SYN, RST, ACK } = TcpFlag
const ALWAYS = { rodata: { cfg_report_interval_ns: 0 } }
const SOON_IDLE = { rodata: { cfg_other_idle_ns: 0, cfg_tcp_idle_ns: 0 } }
/** 4,096 bytes hold 39 records of 96 bytes with the ring's own 8. */
const SMALL_RING = { ringBytes: 4096 }
const RING_RECORDS = 39

const connections = suite('connection table')

/** A test with programs of its own, at whose end the deltas of all records must add up to what was sent. */
function check(name: string, options: PacketProgramsOptions, body: (sent: Sent) => void): void {
  connections(name, () => {
    const programs = new PacketPrograms(options)
    try {
      body({
        programs,
        fromPod: (packet) => programs.fromPod(packet),
        toPod: (packet) => programs.toPod(packet),
      })
      const { reported, seen } = programs.settle()
      assert.equal(reported, seen, 'the deltas add up to what was sent')
    } finally {
      programs.close()
    }
  })
}

interface Sent {
  programs: PacketPrograms
  fromPod(packet: Buffer): void
  toPod(packet: Buffer): void
}

check('reports the first packet of each direction, then is silent', {}, ({ programs, fromPod, toPod }) => {
  const talk = new Conversation(Protocol.UDP, { serverPort: 5000 })
  for (let i = 0; i < 5; i++) fromPod(talk.request())
  for (let i = 0; i < 5; i++) toPod(talk.answer())
  assert.equal(programs.records().map(story), [
    [Report.FIRST, Point.TO_STACK, Direction.EGRESS, Reply.NO, 1],
    [Report.FIRST, Point.TO_ENDPOINT, Direction.EGRESS, Reply.YES, 1],
  ])
  assert.is(programs.connections(), 1)
})

check('reports SYN, FIN and the end of a TCP connection, and deletes it', {}, ({ programs, fromPod, toPod }) => {
  const talk = new Conversation(Protocol.TCP)
  fromPod(talk.request(SYN))
  toPod(talk.answer(SYN | ACK))
  fromPod(talk.request(ACK))
  fromPod(talk.request(ACK, Buffer.alloc(100)))
  toPod(talk.answer(ACK))
  fromPod(talk.request(FIN | ACK))
  toPod(talk.answer(ACK))
  toPod(talk.answer(FIN | ACK))
  fromPod(talk.request(ACK))
  assert.equal(programs.records().map(story), [
    [Report.FIRST, Point.TO_STACK, Direction.EGRESS, Reply.NO, 1],
    [Report.FIRST, Point.TO_ENDPOINT, Direction.EGRESS, Reply.YES, 1],
    [Report.FLAG, Point.TO_STACK, Direction.EGRESS, Reply.NO, 3],
    [Report.FLAG, Point.TO_ENDPOINT, Direction.EGRESS, Reply.YES, 3],
    [Report.END, Point.TO_STACK, Direction.EGRESS, Reply.NO, 1],
  ])
  assert.is(programs.connections(), 0)
})

check(
  'ends a connection at once on a reset, with what waits of the other direction',
  {},
  ({ programs, fromPod, toPod }) => {
    const talk = new Conversation(Protocol.TCP)
    fromPod(talk.request(SYN))
    toPod(talk.answer(SYN | ACK))
    fromPod(talk.request(ACK))
    toPod(talk.answer(RST))
    const ends = programs.records().slice(2)
    assert.equal(ends.map(story), [
      [Report.END, Point.TO_ENDPOINT, Direction.EGRESS, Reply.YES, 1],
      [Report.END, Point.TO_STACK, Direction.EGRESS, Reply.NO, 1],
    ])
    assert.equal(
      ends.map((record) => record.tcpFlags),
      [RST, ACK],
    )
    assert.is(programs.connections(), 0)
  },
)

check(
  'waits for the acknowledgement of the last FIN when both sides close at once',
  {},
  ({ programs, fromPod, toPod }) => {
    const talk = new Conversation(Protocol.TCP)
    fromPod(talk.request(FIN | ACK))
    toPod(talk.answer(FIN | ACK))
    toPod(talk.answer(ACK))
    assert.is(programs.connections(), 1)
    fromPod(talk.request(ACK))
    assert.is(programs.connections(), 0)
  },
)

check('reports a SYN again when ports are used anew after a FIN', {}, ({ programs, fromPod }) => {
  const talk = new Conversation(Protocol.TCP)
  fromPod(talk.request(SYN))
  fromPod(talk.request(FIN | ACK))
  fromPod(talk.request(SYN))
  assert.equal(
    programs.records().map((record) => record.tcpFlags),
    [SYN, FIN | ACK, SYN],
  )
  assert.is(programs.connections(), 1)
})

check(
  'names the sender of the SYN as initiator even when the answer is seen first',
  {},
  ({ programs, fromPod, toPod }) => {
    const talk = new Conversation(Protocol.TCP)
    toPod(talk.answer(SYN | ACK))
    fromPod(talk.request(SYN))
    assert.equal(
      programs.records().map((record) => record.reply),
      [Reply.YES, Reply.NO],
    )
  },
)

check('takes the end with the ephemeral port for the client when no SYN was seen', {}, ({ programs, toPod }) => {
  toPod(new Conversation(Protocol.TCP).answer(ACK))
  assert.equal(
    programs.records().map((record) => [record.reply, record.direction]),
    [[Reply.YES, Direction.EGRESS]],
  )
})

check('reports on every packet when the interval is over', ALWAYS, ({ programs, fromPod }) => {
  const talk = new Conversation(Protocol.UDP)
  for (let i = 0; i < 3; i++) fromPod(talk.request())
  assert.equal(
    programs.records().map((record) => record.report),
    [Report.FIRST, Report.INTERVAL, Report.INTERVAL],
  )
})

const points: [PacketProgram, request: number, direction: number][] = [
  ['endpoint_ingress', Point.TO_STACK, Direction.EGRESS],
  ['endpoint_egress', Point.TO_ENDPOINT, Direction.INGRESS],
  ['network_ingress', Point.FROM_NETWORK, Direction.INGRESS],
  ['network_egress', Point.TO_NETWORK, Direction.EGRESS],
  ['loopback_egress', Point.TO_STACK, Direction.EGRESS],
]
for (const [program, point, direction] of points)
  check(`knows point and direction at ${program}`, {}, ({ programs }) => {
    programs.send(program, new Conversation(Protocol.TCP).request(SYN))
    assert.equal(programs.records().map(story), [[Report.FIRST, point, direction, Reply.NO, 1]])
  })

check('sees both directions of loopback in one connection', {}, ({ programs }) => {
  const talk = new Conversation(Protocol.TCP)
  programs.send('loopback_egress', talk.request(SYN))
  programs.send('loopback_egress', talk.answer(SYN | ACK))
  assert.equal(
    programs.records().map((record) => record.reply),
    [Reply.NO, Reply.YES],
  )
  assert.is(programs.connections(), 1)
})

check('keeps a packet that turns round at an interface apart from its way in', {}, ({ programs, fromPod, toPod }) => {
  const talk = new Conversation(Protocol.UDP)
  fromPod(talk.request())
  toPod(talk.request())
  assert.equal(
    programs.records().map((record) => [record.point, record.reply]),
    [
      [Point.TO_STACK, Reply.NO],
      [Point.TO_ENDPOINT, Reply.NO],
    ],
  )
  assert.is(programs.connections(), 2)
})

check('keeps VLANs apart', {}, ({ programs, fromPod }) => {
  for (const id of [1, 2, 2]) fromPod(frame({}, Protocol.UDP, udp({}), [{ id }]))
  assert.equal(
    programs.records().map((record) => record.vlan),
    [1, 2],
  )
})

check('keeps the pings of both sides apart, each with its answers', {}, ({ programs, fromPod, toPod }) => {
  const there = { source: '10.0.0.1', destination: '10.0.0.2' }
  const back = { source: '10.0.0.2', destination: '10.0.0.1' }
  fromPod(frame(there, Protocol.ICMP, icmp(8)))
  toPod(frame(back, Protocol.ICMP, icmp(0)))
  toPod(frame(back, Protocol.ICMP, icmp(8)))
  fromPod(frame(there, Protocol.ICMP, icmp(0)))
  assert.equal(
    programs.records().map(({ icmpType, reply, direction }) => [icmpType, reply, direction]),
    [
      [8, Reply.NO, Direction.EGRESS],
      [0, Reply.YES, Direction.EGRESS],
      [8, Reply.NO, Direction.INGRESS],
      [0, Reply.YES, Direction.INGRESS],
    ],
  )
  assert.is(programs.connections(), 2)
})

check('reports packets alone when the table is full, and counts them', { buckets: 1 }, ({ programs, fromPod }) => {
  for (let port = 1; port <= 20; port++) for (let i = 0; i < 3; i++) fromPod(datagram(port))
  const full = programs.records().filter((record) => record.report === Report.TABLE_FULL)
  assert.is(programs.connections(), 8)
  assert.is(full.length, 12 * 3)
  assert.is(programs.counter(Counter.TABLE_FULL), 12 * 3)
})

check('finds connections that had to go into a later bucket', { buckets: 16 }, ({ programs, fromPod }) => {
  for (let round = 0; round < 2; round++) for (let port = 1; port <= 100; port++) fromPod(datagram(port))
  const firsts = programs.records().filter((record) => record.report === Report.FIRST)
  assert.is(programs.connections(), firsts.length)
  assert.ok(firsts.length > 64, 'more than half of the table is in use')
})

check('forgets displaced connections with their traces', { buckets: 4 }, ({ programs, fromPod }) => {
  for (let round = 0; round < 50; round++) {
    for (let port = 1; port <= 32; port++) fromPod(frame({}, Protocol.TCP, tcp({ sourcePort: port, flags: SYN })))
    for (let port = 1; port <= 32; port++) fromPod(frame({}, Protocol.TCP, tcp({ sourcePort: port, flags: RST })))
    programs.records()
  }
  assert.is(programs.connections(), 0)
  assert.is(programs.counter(Counter.LOST_RING), 0)
})

check(
  'keeps a delta in the table while the ring is full, and reports it with the next packet',
  SMALL_RING,
  ({ programs, fromPod }) => {
    for (let port = 1; port <= RING_RECORDS + 1; port++) fromPod(datagram(port))
    for (let i = 0; i < 4; i++) fromPod(datagram(RING_RECORDS + 1))
    assert.is(programs.records().length, RING_RECORDS)
    assert.is(programs.counter(Counter.DEFERRED), 5)
    fromPod(datagram(RING_RECORDS + 1))
    assert.equal(
      programs.records().map(({ report, packets }) => [report, packets]),
      [[Report.FIRST, 6]],
    )
    assert.is(programs.counter(Counter.LOST_RING), 0)
  },
)

check(
  'keeps what a full ring could not take of a connection that ended',
  SMALL_RING,
  ({ programs, fromPod, toPod }) => {
    const talk = new Conversation(Protocol.TCP)
    fromPod(talk.request(SYN))
    toPod(talk.answer(SYN | ACK))
    fromPod(talk.request(ACK))
    for (let port = 1; port <= RING_RECORDS; port++) fromPod(datagram(port))
    toPod(talk.answer(RST))
    programs.records()
    programs.sweep()
    const late = programs.records().filter((record) => record.protocol === Protocol.TCP)
    assert.equal(late.map(({ reply, packets, tcpFlags }) => [reply, packets, tcpFlags]).sort(), [
      [Reply.NO, 1, ACK],
      [Reply.YES, 1, RST],
    ])
  },
)

check('keeps what a full ring could not take of a sweep', { ...SMALL_RING, ...SOON_IDLE }, ({ programs, fromPod }) => {
  for (let port = 1; port <= RING_RECORDS; port++) fromPod(datagram(port))
  programs.records()
  for (let port = 1; port <= RING_RECORDS; port++) for (let i = 0; i < 2; i++) fromPod(datagram(port))
  for (let port = 101; port <= 110; port++) fromPod(datagram(port))
  programs.sweep(true)
  assert.is(programs.counter(Counter.DEFERRED), 10)
  assert.is(programs.connections(), 10)
})

check('reports an idle connection, deletes it at the next sweep', SOON_IDLE, ({ programs, fromPod }) => {
  for (let i = 0; i < 4; i++) fromPod(datagram(1))
  programs.sweep()
  assert.equal(
    programs.records().map(({ report, packets }) => [report, packets]),
    [
      [Report.FIRST, 1],
      [Report.EXPIRED, 3],
    ],
  )
  assert.is(programs.connections(), 1)
  programs.sweep()
  assert.is(programs.connections(), 0)
  assert.equal(programs.records(), [])
})

check('revives an idle connection that a packet reaches between two sweeps', SOON_IDLE, ({ programs, fromPod }) => {
  fromPod(datagram(1))
  programs.sweep()
  fromPod(datagram(1))
  programs.records()
  programs.sweep()
  assert.is(programs.connections(), 1)
  assert.equal(
    programs.records().map(({ report, packets }) => [report, packets]),
    [[Report.EXPIRED, 1]],
  )
})

check(
  'sweeps an unanswered connection before an established one',
  { rodata: { cfg_other_idle_ns: 0 } },
  ({ programs, fromPod, toPod }) => {
    const open1 = new Conversation(Protocol.TCP, { clientPort: 40_001 })
    const open2 = new Conversation(Protocol.TCP, { clientPort: 40_002 })
    fromPod(open1.request(SYN))
    fromPod(open2.request(SYN))
    toPod(open2.answer(SYN | ACK))
    fromPod(open2.request(ACK))
    programs.sweep()
    programs.sweep()
    assert.is(programs.connections(), 1)
  },
)

check(
  'reports waiting packets of a busy connection from the sweep when their interval is over',
  { rodata: { cfg_report_interval_ns: 1 << 20 } },
  ({ programs, fromPod }) => {
    for (let i = 0; i < 3; i++) fromPod(datagram(1))
    const until = Date.now() + 20
    while (Date.now() < until) programs.sweep()
    const packets = programs.records().reduce((sum, record) => sum + record.packets, 0)
    assert.is(packets, 3)
    assert.is(programs.connections(), 1)
  },
)

check('reports and deletes everything at the end', {}, ({ programs, fromPod }) => {
  for (let port = 1; port <= 500; port++) for (let i = 0; i < 3; i++) fromPod(datagram(port))
  programs.records()
  programs.sweep(true)
  const left = programs.records()
  assert.is(left.length, 500)
  assert.ok(left.every((record) => record.report === Report.EXPIRED && record.packets === 2))
  assert.is(programs.connections(), 0)
})

check(
  'writes a record per packet without aggregation, and says what one packet can tell',
  { rodata: { cfg_aggregate: 0 } },
  ({ programs, fromPod, toPod }) => {
    const talk = new Conversation(Protocol.TCP)
    fromPod(talk.request(SYN))
    toPod(talk.answer(SYN | ACK))
    fromPod(talk.request(ACK))
    assert.equal(programs.records().map(story), [
      [Report.PACKET, Point.TO_STACK, Direction.EGRESS, Reply.NO, 1],
      [Report.PACKET, Point.TO_ENDPOINT, Direction.EGRESS, Reply.YES, 1],
      [Report.PACKET, Point.TO_STACK, Direction.UNKNOWN, Reply.UNKNOWN, 1],
    ])
    assert.is(programs.connections(), 0)
  },
)

connections.run()

function datagram(destinationPort: number): Buffer {
  return frame({}, Protocol.UDP, udp({ destinationPort: 6000 + destinationPort }))
}

/** What a record tells about its connection. */
function story(record: RecordFields): number[] {
  return [record.report, record.point, record.direction, record.reply, record.packets]
}
