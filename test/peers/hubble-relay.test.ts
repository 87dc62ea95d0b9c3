import { type ChildProcess, spawn } from 'node:child_process'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/free-port.ts'
import { hubble, type RunningHubble, startHubble } from '../support/hubble.ts'
import { SAMPLE, sampleBatch } from '../support/hubble-flows.ts'
import { peer } from '../support/peers.ts'
import { TemporaryFolder } from '../support/temporary-folder.ts'

/** The real hubble-relay in front of the exporter: it finds the node through Peer.Notify and asks it for flows. */
const test = suite('hubble-relay')
const folder = new TemporaryFolder()
let running: RunningHubble
let relay: ChildProcess
let server = ''

test.before(async () => {
  const socket = { path: folder.at('hubble.sock'), mode: 0o600, group: '' }
  running = await startHubble({ unix_socket: socket })
  running.exporter.consume(sampleBatch(running.endpoints))
  const [listen, health] = await Promise.all([freePort(), freePort()])
  server = `127.0.0.1:${listen}`
  const flags = ['--peer-service', `unix://${socket.path}`, '--listen-address', server, '--gops=false']
  const plain = ['--disable-client-tls', '--disable-server-tls', '--health-listen-address', `127.0.0.1:${health}`]
  relay = spawn(peer('hubble-relay'), ['serve', ...flags, ...plain], { stdio: 'ignore', cwd: folder.path })
  await connected()
})

test.after(async () => {
  // On SIGTERM it waits for streams of its own that never end.
  relay.kill('SIGKILL')
  await running.stop()
  folder.remove()
})

/** Waits until the relay has found the node; it looks every few seconds. */
async function connected(): Promise<void> {
  await eventually('hubble-relay to connect', async () => {
    const { stdout } = await hubble(server, ['status'])
    return stdout.includes('Connected Nodes: 1/1') || undefined
  })
}

test('status adds the nodes up', async () => {
  const { stdout } = await hubble(server, ['status'])
  assert.match(stdout, /Current\/Max Flows: 11\/65,535 .*\n.*\nConnected Nodes: 1\/1\n/s)
})

test('observe through the relay prints what the agent keeps', async () => {
  const [direct, relayed] = await Promise.all([
    hubble(running.server, ['observe', '--all', '-o', 'json']),
    hubble(server, ['observe', '--all', '-o', 'json']),
  ])
  const flows = relayed.lines.map((line) => JSON.parse(line)).filter((answer) => answer.flow !== undefined)
  assert.equal(
    flows,
    direct.lines.map((line) => JSON.parse(line)),
  )
  assert.is(flows.length, SAMPLE.length)
})

test('a broken filter is told as an error of the node', async () => {
  const { stderr } = await hubble(server, ['observe', '--all', '--protocol', 'quic'])
  assert.match(stderr, 'invalid protocol filter: unknown protocol: \\"quic\\"')
})

test('nodes and namespaces come through', async () => {
  const nodes = JSON.parse((await hubble(server, ['list', 'nodes', '-o', 'json'])).stdout)
  assert.is(nodes[0].name, 'node-1')
  assert.is(nodes[0].state, 'NODE_CONNECTED')
  const namespaces = await hubble(server, ['list', 'namespaces'])
  assert.equal(namespaces.lines, ['NAMESPACE', 'default', 'kube-system'])
})

test('--follow through the relay goes on with new flows', async () => {
  const following = hubble(server, ['observe', '--follow', '--last', '1', '-o', 'json'], 5_000)
  const timer = setInterval(() => running.exporter.consume(sampleBatch(running.endpoints)), 1_000)
  const { lines } = await following
  clearInterval(timer)
  assert.ok(lines.length > SAMPLE.length, `${lines.length} lines`)
})

test.run()
