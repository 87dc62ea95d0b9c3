import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type PrometheusConfig, prometheusConfig } from '../../../src/exporters/prometheus/config.ts'
import { PrometheusExporter } from '../../../src/exporters/prometheus/exporter.ts'
import { defaultsOf } from '../../../src/pipeline/config/decode.ts'
import { createContext, ownMetric } from '../../support/create-context.ts'
import { RunningNodeStats } from '../../support/node-stats.ts'
import { TemporaryFolder } from '../../support/temporary-folder.ts'

/** This machine as it is, without any privilege. */
const receiver = suite('node_stats receiver')
let running: RunningNodeStats | undefined
const closers: (() => void)[] = []

receiver.before.each(() => {
  address = `127.77.${(process.pid & 0x7f) + 1}.${++tests}`
})
receiver.after.each(async () => {
  for (const close of closers.splice(0)) close()
  await running?.stop()
  running = undefined
})

const PEERS = 'fovea.node.tcp.peer.connections'
const TCP = { tcp: { enabled: true, remote_addresses: 100_000 } }

/** Address of the test at hand, of 127/8: sockets of an ended test stay for a while. */
let address = ''
let tests = 0

/** Both ends of a connection between {@link address} and itself, until the test is over. */
async function connection(): Promise<void> {
  const server = createServer()
  server.listen(0, address)
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const accepted = once(server, 'connection')
  const client = connect({ host: address, port, localAddress: address })
  const [served] = await accepted
  closers.push(() => {
    client.destroy()
    served.destroy()
    server.close()
  })
}

receiver('a scrape shows what is there when it comes', async () => {
  running = await RunningNodeStats.start(TCP)
  const config = defaultsOf(prometheusConfig.schema) as unknown as PrometheusConfig
  const exporter = new PrometheusExporter(
    createContext('exporter', 'prometheus'),
    { ...config, endpoint: '127.0.0.1:0' },
    [running.receiver.source],
  )
  await exporter.start()
  closers.push(() => void exporter.shutdown(Date.now()))
  const scrape = async () => (await fetch(`http://127.0.0.1:${exporter.port}/metrics`)).text()
  const line = `fovea_node_tcp_peer_connections{network_peer_address="${address}"} 2\n`
  assert.not((await scrape()).includes(address))
  await connection()
  assert.ok((await scrape()).includes(line))
})

receiver('so does an OTLP collection', async () => {
  running = await RunningNodeStats.start(TCP)
  const producer = running.receiver.source.producer('cumulative')
  await connection()
  const { resourceMetrics } = await producer.collect()
  const peers = resourceMetrics.scopeMetrics
    .flatMap(({ metrics }) => metrics)
    .find(({ descriptor }) => descriptor.name === PEERS)
  const point = peers?.dataPoints.find(({ attributes }) => attributes['network.peer.address'] === address)
  assert.is(point?.value, 2)
})

receiver('who comes before the interval is over gets the numbers of the last reading', async () => {
  running = await RunningNodeStats.start({ ...TCP, collection_interval: 3_600_000 })
  await connection()
  assert.is((await running.read(PEERS))[address], undefined)
})

receiver('before the start and after the end nothing is read', async () => {
  running = await RunningNodeStats.start(TCP)
  await running.stop()
  await connection()
  assert.is((await running.read(PEERS))[address], undefined)
})

receiver(
  'a broken file is told once with its line, counted at every reading, and leaves the others alone',
  async () => {
    const host = new TemporaryFolder()
    closers.push(() => host.remove())
    mkdirSync(host.at('proc/1/net'), { recursive: true })
    writeFileSync(host.at('proc/1/net/snmp'), 'Tcp: InSegs\nTcp: x\n')
    writeFileSync(host.at('proc/1/net/netstat'), 'TcpExt: ListenDrops\nTcpExt: 3\n')
    running = await RunningNodeStats.start({ root_path: host.path, infiniband: { enabled: false } })
    assert.equal(await running.read('fovea.node.protocol.statistics'), { 'TcpExt ListenDrops': 3 })
    const { context } = running
    const told = context.lines.map(({ msg }) => msg).filter((line) => line.includes('net/snmp:'))
    assert.is(told.length, 1, told.join('\n'))
    assert.match(told[0] ?? '', /proc\/1\/net\/snmp: line 2: Tcp InSegs has no number/)
    const labels = { receiver: 'node_stats', source: 'protocols/snmp', cause: 'malformed' }
    assert.is(ownMetric(context, 'fovea_node_stats_read_failures', labels), 2)
  },
)

receiver('a counter that fell ends where the one that follows begins', async () => {
  const host = new TemporaryFolder()
  closers.push(() => host.remove())
  mkdirSync(host.at('proc/1/net'), { recursive: true })
  const told = (drops: number) =>
    writeFileSync(host.at('proc/1/net/netstat'), `TcpExt: ListenDrops\nTcpExt: ${drops}\n`)
  told(7)
  running = await RunningNodeStats.start({ root_path: host.path, infiniband: { enabled: false } })
  const producer = running.receiver.source.producer('cumulative')
  await producer.collect()
  told(2)
  const { resourceMetrics } = await producer.collect()
  const metrics = resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics)
  const drops = metrics.find(({ descriptor }) => descriptor.name === 'fovea.node.protocol.statistics')
  const [before, after] = drops?.dataPoints ?? []
  assert.equal([before?.value, after?.value], [7, 2])
  assert.equal(before?.endTime, after?.startTime)
})

receiver('label sets that find no room are counted by a counter', async () => {
  running = await RunningNodeStats.start({ cardinality_limit: 1 })
  await running.read(PEERS)
  const { telemetry } = running.context
  const families = telemetry.families()
  const overflows = families.find(({ name }) => name === 'fovea_node_stats_overflows')
  assert.is(overflows?.kind, 'counter')
  assert.ok(ownMetric(running.context, 'fovea_node_stats_overflows', { receiver: 'node_stats' }) > 0)
})

receiver.run()
