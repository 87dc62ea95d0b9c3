import { type ChildProcess, spawn } from 'node:child_process'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { LostSource } from '../../src/flow/enums.ts'
import { messageType } from '../../src/hubble/definition.ts'
import { eventually } from '../support/eventually.ts'
import { numberedBatch } from '../support/flow-source.ts'
import { ConfigFolder, FoveaProcess } from '../support/fovea-process.ts'
import { freePort } from '../support/free-port.ts'
import { GatewaySources, nodeNames } from '../support/gateway-sources.ts'
import { hubble, type RunningHubble, startHubble } from '../support/hubble.ts'
import { SAMPLE, SAMPLE_MS, sampleBatch } from '../support/hubble-flows.ts'
import { peer } from '../support/peers.ts'
import { TemporaryFolder } from '../support/temporary-folder.ts'
import { startUpstreamObserver } from '../support/upstream-observer.ts'

/** A gateway in front of what there is: nodes found by Peer.Notify, hubble-relay, Hubble's own observer, agents that die. */
const test = suite('sources of a hubble gateway')
const folder = new TemporaryFolder()
const sources = new GatewaySources()
const children: ChildProcess[] = []

test.after.each(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  await sources.stop()
})

test.after(() => folder.remove())

test('every node is found, followed and told of; one that goes is followed no more', async () => {
  const [first, second] = await sources.cluster()
  first.exporter.consume(sampleBatch(first.endpoints))
  second.exporter.consume(sampleBatch(second.endpoints))
  const { sink, server, connected, endpoints } = await sources.gate({
    endpoint: first.server,
    peers: true,
    last: 1_000,
  })
  await connected(2)
  await sink.until(2 * SAMPLE.length)
  const seconds = sink.rows(({ columns }, row) => columns.timeSeconds[row]!)
  assert.equal(seconds, seconds.toSorted(), 'in the order of time')
  assert.is(nodeNames(sink).filter((name) => name === 'node-2').length, SAMPLE.length)
  const onlySecond = await hubble(server, ['observe', '--all', '--node-name', 'node-2', '-o', 'json'])
  assert.equal(onlySecond.lines, (await hubble(second.server, ['observe', '--all', '-o', 'json'])).lines)
  const nodes = JSON.parse((await hubble(server, ['list', 'nodes', '-o', 'json'])).stdout) as { name: string }[]
  assert.equal(
    nodes.map(({ name }) => name),
    ['gateway', 'node-1', 'node-2'],
  )
  const status = await hubble(server, ['status'])
  assert.match(status.stdout, 'Connected Nodes: 2/2')

  first.endpoints.cluster.deletePeer('node-2')
  await connected(1)
  assert.equal(
    endpoints.cluster.observed.list().map(({ name }) => name),
    ['node-1'],
  )
})

test('a node that moves is followed at its new address', async () => {
  const [first] = await sources.cluster()
  const port = first.server.split(':')[1]
  const moved = await sources.agent({ endpoint: `127.0.0.3:${port}` }, 'node-2')
  const { connected, sink, metric, endpoints } = await sources.gate({ endpoint: first.server, peers: true })
  await connected(2)
  first.endpoints.cluster.setPeer({ node: 'node-2', address: '127.0.0.3' })
  await eventually('flows of the new address', () => {
    moved.exporter.consume(numberedBatch(0, 10))
    return sink.flows > 0 || undefined
  })
  assert.is(metric('broken_streams'), 0)
  assert.is(endpoints.cluster.observed.get('node-2')?.address, `127.0.0.3:${port}`)
})

test('no more nodes are followed than allowed', async () => {
  const [first] = await sources.cluster()
  const { metric, context } = await sources.gate({ endpoint: first.server, peers: true, max_peers: 1 })
  await eventually('a refusal', () => metric('refused_peers') > 0 || undefined)
  assert.is(metric('observers'), 1)
  assert.ok(context.lines.some(({ msg }) => msg.includes('is not followed: max_peers (1) are followed')))
})

test('through hubble-relay flows, uuids and reports on nodes are those of the agent', async () => {
  const one = await sources.agent({ unix_socket: { path: folder.at('hubble.sock'), mode: 0o600, group: '' } })
  one.exporter.consume(sampleBatch(one.endpoints))
  const relay = await startRelay(one)
  const { sink, server, endpoints, metric } = await sources.gate({ endpoint: relay, last: 1_000 })
  await sink.until(SAMPLE.length)
  one.exporter.consume(sampleBatch(one.endpoints))
  await sink.until(2 * SAMPLE.length)
  const [direct, through] = await Promise.all(
    [one.server, server].map((at) => hubble(at, ['observe', '--all', '-o', 'json'])),
  )
  // The relay orders by time what the agent tells in the order of arrival.
  assert.equal(through!.lines.toSorted(), direct!.lines.toSorted())
  assert.equal(
    endpoints.cluster.observed.list().map(({ name }) => name),
    ['node-1'],
  )
  assert.is(metric('node_status', { state: 'connected' }), 1)
})

async function startRelay({ config }: RunningHubble): Promise<string> {
  const [listen, health] = await Promise.all([freePort(), freePort()])
  const server = `127.0.0.1:${listen}`
  const flags = ['--peer-service', `unix://${config.unix_socket.path}`, '--listen-address', server, '--gops=false']
  const plain = ['--disable-client-tls', '--disable-server-tls', '--health-listen-address', `127.0.0.1:${health}`]
  children.push(spawn(peer('hubble-relay'), ['serve', ...flags, ...plain], { stdio: 'ignore', cwd: folder.path }))
  await eventually('hubble-relay to connect', async () => {
    const { stdout } = await hubble(server, ['status'])
    return stdout.includes('Connected Nodes: 1/1') || undefined
  })
  return server
}

test("flows of Hubble's own observer leave as they came, with fields nobody here knows", async () => {
  const unknown = Buffer.from([0xfa, 0xdd, 0x0a, 3, 1, 2, 3])
  const flows = Array.from({ length: 50 }, (_, i) => upstreamFlow(i, unknown))
  // Its newest event is unreadable until another one is written.
  const upstream = await startUpstreamObserver([...flows.map(answer), answer(upstreamFlow(50, unknown))], 'upstream')
  try {
    const { sink, server } = await sources.gate({ endpoint: upstream.server, last: 1_000 })
    await sink.until(50)
    const kept = sink.rows((batch, row) => Buffer.from(batch.foreign!.raw(row)))
    assert.ok(kept.every((flow, i) => flow.equals(flows[i]!)))
    assert.is(kept.length, 50)
    const [direct, through] = await Promise.all(
      [upstream.server, server].map((at) => hubble(at, ['observe', '--last', '50', '-o', 'json'])),
    )
    assert.equal(through!.lines, direct!.lines)
    assert.is(through!.lines.length, 50)
  } finally {
    await upstream.stop()
  }
})

/** `flow.Flow` with policies, an aggregate and what no proto file has. */
function upstreamFlow(i: number, unknown: Uint8Array): Buffer {
  const policy = { name: `allow-${i}`, namespace: 'shop', kind: 'CiliumNetworkPolicy', revision: 7 }
  const flow = {
    time: { seconds: SAMPLE_MS / 1_000 + i, nanos: i + 1 },
    uuid: `00000000-0000-4000-8000-${String(i).padStart(12, '0')}`,
    verdict: 1,
    IP: { source: '10.0.0.1', destination: '10.0.0.2', ipVersion: 1, encrypted: true },
    l4: { TCP: { source_port: 40_000 + i, destination_port: 80, flags: { SYN: true } } },
    source: { identity: 1_000, namespace: 'shop', pod_name: `cart-${i}`, labels: ['k8s:app=cart'] },
    node_name: 'upstream',
    event_type: { type: 5 },
    policy_match_type: 2,
    ingress_allowed_by: [policy],
    ip_trace_id: { trace_id: 9 },
    Summary: 'TCP Flags: SYN',
  }
  return Buffer.concat([messageType('flow.Flow').serialize(flow), unknown])
}

function answer(flow: Buffer): Buffer {
  const { time } = messageType('flow.Flow').deserialize(flow) as { time: object }
  const outer = messageType('observer.GetFlowsResponse').serialize({ node_name: 'upstream', time })
  const length: number[] = []
  for (let rest = flow.length; ; rest >>>= 7) {
    if (rest < 0x80) {
      length.push(rest)
      break
    }
    length.push((rest & 0x7f) | 0x80)
  }
  return Buffer.concat([Buffer.from([10, ...length]), flow, outer])
}

test('an agent that restarts is followed again; one that kept its flows sends none twice', async () => {
  const port = await freePort()
  const first = await startHubble({ endpoint: `127.0.0.1:${port}` })
  const { sink, connected, metric } = await sources.gate({ endpoint: `127.0.0.1:${port}` })
  await connected()
  first.exporter.consume(numberedBatch(0, 100))
  await sink.until(100)
  await first.stop()
  const second = await sources.agent({ endpoint: `127.0.0.1:${port}` })
  await connected()
  second.exporter.consume(numberedBatch(100, 100))
  await sink.until(200)
  assert.is(metric('gaps'), 1)
  assert.is(metric('duplicate_flows'), 0)
  assert.ok(metric('broken_streams') > 0)
})

test('an agent killed with -9 in the middle of its flows comes back', async () => {
  const configs = new ConfigFolder()
  const port = await freePort()
  const config = configs.write(
    'agent.yaml',
    `receivers: {pcap: {file: config/replay.pcapng, loop: true, speed: 20}}
exporters: {hubble: {endpoint: "127.0.0.1:${port}"}}
service: {telemetry: {metrics: {level: none}}, pipelines: {flows: {receivers: [pcap], exporters: [hubble]}}}
`,
  )
  const started = () => new FoveaProcess(['run', '--config', config])
  let source = started()
  try {
    const { sink, metric } = await sources.gate({ endpoint: `127.0.0.1:${port}` })
    await sink.until(1)
    await source.kill()
    await eventually('the break to be seen', () => metric('broken_streams') > 0 || undefined)
    const before = sink.flows
    source = started()
    await sink.until(before + 1)
    const uuids = sink.rows((batch, row) => batch.foreign!.uuid(row))
    assert.is(new Set(uuids).size, uuids.length)
    const lost = sink.batches.flatMap((batch) => batch.lost)
    assert.ok(lost.every(({ source }) => source !== LostSource.OBSERVER_EVENTS_QUEUE))
  } finally {
    await source.kill()
    configs.remove()
  }
})

test.run()
