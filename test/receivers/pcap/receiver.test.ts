import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { encode } from 'dns-packet'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { addressText } from '../../../src/flow/address.ts'
import { Direction, Kind, Report, TcpFlag, Verdict } from '../../../src/flow/enums.ts'
import { summary } from '../../../src/flow/summary.ts'
import type { WorkerPool } from '../../../src/pipeline/pool.ts'
import type { PcapConfig } from '../../../src/receivers/pcap/config.ts'
import { PcapReceiver } from '../../../src/receivers/pcap/receiver.ts'
import { type CapturedPacket, pcapFile, pcapngFile } from '../../support/captures.ts'
import { root } from '../../support/checkout.ts'
import { createContext, ownMetric, type RecordingContext } from '../../support/create-context.ts'
import { ethernetFrame, type PacketSpec } from '../../support/packets.ts'
import { Sink } from '../../support/sink.ts'

const test = suite('pcap receiver')
const folder = mkdtempSync(join(tmpdir(), 'fovea-pcap-'))
test.after(() => rmSync(folder, { recursive: true }))

const { SYN, ACK, FIN, PSH, RST } = TcpFlag
const FAST: Omit<PcapConfig, 'file'> = {
  timing: 'fast',
  speed: 1,
  loop: false,
  aggregation: 'connection',
  report_interval: 10_000,
  max_connections: 64,
  vantage: 'network',
}

interface Replayed {
  sink: Sink
  context: RecordingContext
}

/** Runs a receiver over a file until it is through, or `ready` resolves. */
async function replay(
  file: Uint8Array | string,
  settings: Partial<PcapConfig> = {},
  ready?: (sink: Sink) => Promise<void>,
) {
  const path = typeof file === 'string' ? file : join(folder, 'capture')
  if (typeof file !== 'string') writeFileSync(path, file)
  const context = createContext('receiver', 'pcap')
  const sink = new Sink()
  const receiver = new PcapReceiver(context, { ...FAST, ...settings, file: path }, sink)
  try {
    await receiver.start()
    if (ready) await ready(sink)
    else await receiver.ended
  } finally {
    await receiver.shutdown(Date.now() + 10_000)
    await context.pool.close()
  }
  return { sink, context } satisfies Replayed
}

const client = { source: '10.0.0.1', destination: '10.0.0.2' }
const server = { source: '10.0.0.2', destination: '10.0.0.1', sourcePort: 80, destinationPort: 40_000 }
const at = (ms: number, spec: PacketSpec): CapturedPacket => ({
  seconds: 1_000 + Math.floor(ms / 1000),
  nanos: (ms % 1000) * 1e6,
  bytes: ethernetFrame(spec),
})

/** A connection of 10 packets over 40 s. */
const connection = [
  at(0, { ...client, tcpFlags: SYN }),
  at(1, { ...server, tcpFlags: SYN | ACK }),
  at(2, { ...client, tcpFlags: ACK }),
  at(3, { ...client, tcpFlags: PSH | ACK, payload: new Uint8Array(100) }),
  at(12_000, { ...client, tcpFlags: PSH | ACK, payload: new Uint8Array(50) }),
  at(12_001, { ...server, tcpFlags: ACK }),
  at(30_000, { ...client, tcpFlags: FIN | ACK }),
  at(30_001, { ...server, tcpFlags: FIN | ACK }),
  at(30_002, { ...client, tcpFlags: ACK }),
  at(40_000, { ...client, protocol: 17, sourcePort: 5_000, destinationPort: 6_000 }),
]

function totals({ sink }: Replayed): { packets: number; bytes: number } {
  const rows = sink.rows((batch, row) => [batch.columns.packets[row]!, batch.columns.bytes[row]!] as const)
  return { packets: rows.reduce((sum, [n]) => sum + n, 0), bytes: rows.reduce((sum, [, n]) => sum + n, 0) }
}

const wireBytes = (packets: readonly CapturedPacket[]) => packets.reduce((sum, { bytes }) => sum + bytes.length, 0)

test('a connection is told by reports as the kernel writes them, first packet, flags, interval and end', async () => {
  const { sink } = await replay(pcapFile(connection))
  const rows = sink.rows(({ columns }, row) => [columns.report[row], columns.packets[row], columns.isReply[row]])
  assert.equal(rows, [
    [Report.FIRST, 1, 1],
    [Report.FIRST, 1, 2],
    [Report.INTERVAL, 2, 1],
    [Report.INTERVAL, 1, 2],
    [Report.INTERVAL, 1, 1],
    [Report.FLAG, 1, 1],
    [Report.FLAG, 1, 2],
    [Report.END, 1, 1],
    [Report.FIRST, 1, 1],
  ])
})

for (const aggregation of ['connection', 'none'] as const)
  test(`the deltas add up to what passed, aggregation ${aggregation}`, async () => {
    const replayed = await replay(pcapngFile(connection), { aggregation })
    assert.equal(totals(replayed), { packets: connection.length, bytes: wireBytes(connection) })
  })

test('more connections than the table holds become a flow per packet, and the sums stay exact', async () => {
  const packets = Array.from({ length: 300 }, (_, i) =>
    at(i, { ...client, sourcePort: 1_024 + (i % 150), tcpFlags: ACK }),
  )
  const replayed = await replay(pcapFile(packets), { max_connections: 8 })
  assert.equal(totals(replayed), { packets: 300, bytes: wireBytes(packets) })
  assert.is(ownMetric(replayed.context, 'fovea_pcap_table_full_packets', { receiver: 'pcap' }), 284)
})

test('a port that is used again after a reset is a new connection', async () => {
  const twice = [SYN, RST, SYN].map((tcpFlags, i) => at(i, { ...client, tcpFlags }))
  const { sink } = await replay(pcapFile(twice))
  assert.equal(
    sink.rows(({ columns }, row) => columns.report[row]),
    [Report.FIRST, Report.FLAG, Report.FIRST],
  )
})

test('directions of the capture decide the observation points; without any it is the initiator’s', async () => {
  const told = connection.slice(0, 2).map((packet, i) => ({ ...packet, direction: i === 0 ? 1 : 2 }))
  const see = async (file: Uint8Array, vantage: PcapConfig['vantage']) => {
    const { sink } = await replay(file, { vantage })
    return sink.rows(({ columns }, row) => [columns.observationPoint[row], columns.direction[row]])
  }
  assert.equal(await see(pcapngFile(told), 'network'), [
    [10, Direction.INGRESS],
    [11, Direction.INGRESS],
  ])
  assert.equal(await see(pcapngFile(told), 'endpoint'), [
    [3, Direction.EGRESS],
    [101, Direction.EGRESS],
  ])
  assert.equal(await see(pcapFile(connection.slice(0, 2)), 'network'), [
    [11, Direction.EGRESS],
    [10, Direction.EGRESS],
  ])
})

test('DNS packets are L7 rows; interfaces have their names', async () => {
  const query = encode({ type: 'query', id: 1, questions: [{ type: 'A', name: 'a.test' }] })
  const packets = [at(0, { ...client, protocol: 17, destinationPort: 53, payload: query })]
  const { sink } = await replay(pcapngFile(packets, { interfaces: [{ name: 'veth-client' }] }))
  const rows = sink.rows((batch, row) => [
    summary(batch, row),
    batch.strings[batch.columns.interfaceName[row]!],
    batch.columns.kind[row],
  ])
  assert.equal(rows, [['DNS Query a.test. A', 'veth-client', Kind.DNS]])
})

test('a packet that a TC program dropped is a drop besides', async () => {
  const { sink } = await replay(pcapngFile([{ ...at(0, { ...client, tcpFlags: SYN }), verdict: [1, 2], direction: 1 }]))
  const rows = sink.rows((batch, row) => [
    batch.columns.verdict[row],
    batch.strings[batch.columns.dropReasonName[row]!],
  ])
  assert.equal(rows, [
    [Verdict.DROPPED, 'TC_INGRESS'],
    [Verdict.FORWARDED, ''],
  ])
})

test('of a capture that was cut everything before the cut is delivered, with one warning that says where', async () => {
  const whole = pcapFile(connection)
  const { sink, context } = await replay(whole.subarray(0, -20), { aggregation: 'none' })
  assert.is(sink.flows, connection.length - 1)
  const warnings = context.lines.filter(({ level }) => level === 40).map(({ msg }) => msg)
  const start = whole.length - 16 - connection.at(-1)!.bytes.length
  assert.equal(warnings.length, 1)
  assert.match(warnings[0]!, `is cut at byte ${start}`)
  assert.match(warnings[0]!, join(folder, 'capture'))
})

test('a broken block ends the replay with one warning; what is before it is delivered', async () => {
  const file = Buffer.concat([pcapngFile(connection), Buffer.from([6, 0, 0, 0, 13, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])])
  const { sink, context } = await replay(file, { aggregation: 'none' })
  assert.is(sink.flows, connection.length)
  const warnings = context.lines.filter(({ level }) => level === 40).map(({ msg }) => msg)
  assert.equal(warnings.length, 1)
  assert.match(warnings[0]!, 'a block of 13 bytes')
})

test('a worker that dies costs its batch only; one that always dies ends the replay with an error', async () => {
  const packets = Array.from({ length: 4 }, (_, i) => at(i, { ...client, sourcePort: 1_000 + i, tcpFlags: SYN }))
  for (const deaths of [1, 100]) {
    const path = join(folder, 'capture')
    writeFileSync(path, pcapFile(packets))
    const context = createContext('receiver', 'pcap')
    const pool = dyingPool(context.pool, deaths)
    const sink = new Sink()
    const receiver = new PcapReceiver({ ...context, pool }, { ...FAST, file: path }, sink)
    await receiver.start()
    await receiver.ended
    await receiver.shutdown(Date.now() + 10_000)
    await context.pool.close()
    assert.is(sink.flows, deaths === 1 ? packets.length : 0)
    assert.equal(
      context.statuses.map(({ at }) => at),
      deaths === 1 ? [] : ['permanent_error'],
    )
    assert.is(ownMetric(context, 'fovea_pcap_worker_deaths', { receiver: 'pcap' }), deaths === 1 ? 1 : 3)
  }
})

/** A pool whose worker dies with what was moved into it, so many times after the first task. */
function dyingPool(pool: WorkerPool, deaths: number): WorkerPool {
  let tasks = 0
  const run = <Out>(file: URL, name: string, task: unknown, move: readonly ArrayBuffer[]): Promise<Out> => {
    if (tasks++ === 0 || tasks > deaths + 1) return pool.run<Out>(file, name, task, move)
    structuredClone(null, { transfer: [...move] })
    return Promise.reject(new Error('worker exited with code: 3'))
  }
  return Object.assign(Object.create(pool), { run })
}

const refused = [
  {
    name: 'a file that is not there',
    file: join(folder, 'nowhere'),
    message: /setting "file": cannot open .*nowhere \(ENOENT\)/,
  },
  {
    name: 'no capture',
    file: Buffer.from('#!/bin/sh\necho this is a script\n'),
    message: /is no pcap or pcapng file: it begins with 23 21 2f 62/,
  },
  { name: 'an empty file', file: Buffer.alloc(0), message: /is no pcap or pcapng file: it has 0 bytes/ },
  {
    name: 'a link type that is not read',
    file: pcapFile([], { linkType: 105 }),
    message: /link type 105, which is not read; read are NULL \(0\), ETHERNET \(1\)/,
  },
]
for (const { name, file, message } of refused)
  test(`${name} fails the start and says what is wrong`, async () => {
    try {
      await replay(file)
      assert.unreachable()
    } catch (error) {
      assert.match((error as Error).message, message)
    }
  })

test('original timing moves the capture to now and keeps its distances', async () => {
  const beforeMs = Date.now()
  const packets = [at(0, { ...client, tcpFlags: SYN }), at(120, { ...server, tcpFlags: SYN | ACK })]
  const { sink } = await replay(pcapFile(packets), { timing: 'original' }, (each) => each.until(2))
  const [first, second] = sink.rows(
    ({ columns }, row) => columns.timeSeconds[row]! * 1000 + columns.timeNanos[row]! / 1e6,
  )
  assert.ok(first! >= beforeMs && first! <= Date.now())
  assert.ok(Math.abs(second! - first! - 120) < 0.001, `${second! - first!} ms apart`)
})

test('a loop begins again, and a shutdown ends it at once', async () => {
  const packets = [at(0, { ...client, tcpFlags: SYN })]
  const { sink } = await replay(pcapFile(packets), { timing: 'original', loop: true }, (each) => each.until(2))
  const sources = sink.rows(({ columns }, row) => addressText(columns.sourceAddress, row))
  assert.equal(sources.slice(0, 2), ['10.0.0.1', '10.0.0.1'])
})

test('the capture that ships shows names, drops, both IP versions and DNS errors', async () => {
  const { sink } = await replay(join(root, 'config/replay.pcapng'), { vantage: 'endpoint' })
  const lines = sink.rows((batch, row) => summary(batch, row))
  for (const part of [
    'Non-Existent Domain',
    'IPTABLE_RULE_DROP',
    'ICMPv4 EchoRequest',
    'ICMPv6 EchoReply',
    'RST',
    'CNAMEs',
  ])
    assert.ok(
      lines.some((line) => line.includes(part)),
      part,
    )
  assert.equal([...new Set(sink.rows(({ columns }, row) => columns.ipVersion[row]))].sort(), [4, 6])
})

test.run()
