import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { eventually } from '../support/eventually.ts'
import { hubble, type RunningHubble, startHubble } from '../support/hubble.ts'
import { SAMPLE, sampleBatch } from '../support/hubble-flows.ts'
import { type RunningRelay, startRelay } from '../support/hubble-relay.ts'
import { TemporaryFolder } from '../support/temporary-folder.ts'

/** The real hubble-relay in front of the exporter: it finds the node through Peer.Notify and asks it for flows. */
const test = suite('hubble-relay')
const folder = new TemporaryFolder()
let running: RunningHubble
let relay: RunningRelay

test.before(async () => {
  const socket = { path: folder.at('hubble.sock'), mode: 0o600, group: '' }
  running = await startHubble({ unix_socket: socket })
  running.exporter.consume(sampleBatch(running.endpoints))
  relay = await startRelay(`unix://${socket.path}`)
  await connected()
})

test.after(async () => {
  await relay.stop()
  await running.stop()
  folder.remove()
})

/** Waits until the relay has found the node; it looks every few seconds. */
async function connected(): Promise<void> {
  await eventually('hubble-relay to connect', async () => {
    const { stdout } = await hubble(relay.server, ['status'])
    return stdout.includes('Connected Nodes: 1/1') || undefined
  })
}

test('status adds the nodes up', async () => {
  const { stdout } = await hubble(relay.server, ['status'])
  assert.match(stdout, /Current\/Max Flows: 11\/65,535 .*\n.*\nConnected Nodes: 1\/1\n/s)
})

test('observe through the relay prints what the agent keeps', async () => {
  const [direct, relayed] = await Promise.all([
    hubble(running.server, ['observe', '--all', '-o', 'json']),
    hubble(relay.server, ['observe', '--all', '-o', 'json']),
  ])
  const flows = relayed.lines.map((line) => JSON.parse(line)).filter((answer) => answer.flow !== undefined)
  assert.equal(
    flows,
    direct.lines.map((line) => JSON.parse(line)),
  )
  assert.is(flows.length, SAMPLE.length)
})

test('a broken filter is told as an error of the node', async () => {
  const { stderr } = await hubble(relay.server, ['observe', '--all', '--protocol', 'quic'])
  assert.match(stderr, 'invalid protocol filter: unknown protocol: \\"quic\\"')
})

test('nodes and namespaces come through', async () => {
  const nodes = JSON.parse((await hubble(relay.server, ['list', 'nodes', '-o', 'json'])).stdout)
  assert.is(nodes[0].name, 'node-1')
  assert.is(nodes[0].state, 'NODE_CONNECTED')
  const namespaces = await hubble(relay.server, ['list', 'namespaces'])
  assert.equal(namespaces.lines, ['NAMESPACE', 'default', 'kube-system'])
})

test('--follow through the relay goes on with new flows', async () => {
  const following = hubble(relay.server, ['observe', '--follow', '--last', '1', '-o', 'json'], 5_000)
  const timer = setInterval(() => running.exporter.consume(sampleBatch(running.endpoints)), 1_000)
  const { lines } = await following
  clearInterval(timer)
  assert.ok(lines.length > SAMPLE.length, `${lines.length} lines`)
})

test.run()
