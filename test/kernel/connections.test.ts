import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Direction, Protocol, Reply, Report, TcpFlag } from '../../src/flow/enums.ts'
import { Point } from '../../src/flow/points.ts'
import { exactly, story } from '../support/connection-checks.ts'
import { Conversation, frame, icmp, udp } from '../support/frames.ts'
import type { PacketProgram } from '../support/packet-programs.ts'

const { FIN, SYN, RST, ACK } = TcpFlag

const connections = suite('connections')
const check = exactly(connections)

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

check(
  'reports on every packet when the interval is over',
  { rodata: { cfg_report_interval_ns: 0 } },
  ({ programs, fromPod }) => {
    const talk = new Conversation(Protocol.UDP)
    for (let i = 0; i < 3; i++) fromPod(talk.request())
    assert.equal(
      programs.records().map((record) => record.report),
      [Report.FIRST, Report.INTERVAL, Report.INTERVAL],
    )
  },
)

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
