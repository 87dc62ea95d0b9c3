import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Protocol, Reply, Report, TcpFlag } from '../../src/flow/enums.ts'
import { datagram, exactly } from '../support/connection-checks.ts'
import { Conversation, frame, tcp } from '../support/frames.ts'
import { Counter } from '../support/packet-programs.ts'

const { SYN, RST, ACK } = TcpFlag
const SOON_IDLE = { rodata: { cfg_other_idle_ns: 0, cfg_tcp_idle_ns: 0 } }
/** 4,096 bytes hold 39 records of 96 bytes with the ring's own 8. */
const SMALL_RING = { ringBytes: 4096 }
const RING_RECORDS = 39

const table = suite('connection table')
const check = exactly(table)

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

table.run()
