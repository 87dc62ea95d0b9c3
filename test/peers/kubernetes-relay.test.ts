import { type ChildProcess, spawn } from 'node:child_process'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { accountWith, shippedRole } from '../support/agent-role.ts'
import { Cluster } from '../support/cluster.ts'
import { ClusterObjects } from '../support/cluster-objects.ts'
import { eventually } from '../support/eventually.ts'
import { KubernetesAgent } from '../support/kubernetes-agent.ts'
import { NodeNetwork, type Pod } from '../support/node-network.ts'
import { peer } from '../support/peers.ts'
import { ECHO_PORT, sendTcp, serve } from '../support/traffic.ts'
import { Tunnel } from '../support/tunnel.ts'

/**
 * Two network namespaces as nodes with an agent each, and the real hubble-relay on the network between them, which learns of
 * both nodes from one agent.
 */
const test = suite('hubble-relay in front of two nodes')

const LABELS = { 'app.kubernetes.io/name': 'fovea', 'app.kubernetes.io/component': 'agent' }
const RELAY = '127.0.0.1:4245'

let cluster: Cluster
let objects: ClusterObjects
let network: NodeNetwork
let nodes: Pod[]
let tunnel: Tunnel
let kubeconfig: string
let echo: ChildProcess
let relay: ChildProcess
const agents = new Map<string, KubernetesAgent>()

test.before(async () => {
  cluster = await Cluster.start()
  objects = await ClusterObjects.open(cluster)
  network = new NodeNetwork('kuberelay')
  nodes = [network.addPod(), network.addPod()]
  for (const node of nodes) network.up(node)
  tunnel = await Tunnel.to(Number(new URL(cluster.url).port), ...nodes.map(({ namespace }) => namespace))
  kubeconfig = accountWith(cluster, 'agent', [shippedRole('agent-cluster-role')])
  for (const node of nodes) await startAgent(node)
  echo = await serve(nodes[1]!.namespace)
  startRelay()
})

test.after(async () => {
  relay?.kill('SIGKILL')
  echo?.kill()
  for (const agent of agents.values()) await agent.stop()
  await tunnel?.close()
  network?.remove()
  objects?.close()
  await cluster?.stop()
})

/** The agent of a node, and its pod on the node's network. */
async function startAgent({ name, namespace, address }: Pod): Promise<void> {
  await objects.pod({
    namespace: 'fovea',
    name: `agent-${name}`,
    node: name,
    hostNetwork: true,
    labels: LABELS,
    addresses: [address],
  })
  agents.set(name, await KubernetesAgent.start(namespace, { kubeconfig, node: name }))
}

async function killAgent({ name }: Pod): Promise<void> {
  await agents.get(name)?.kill()
  agents.delete(name)
}

function startRelay(): void {
  const [first] = nodes
  const flags = [
    '--peer-service',
    `${first?.address}:4244`,
    '--listen-address',
    RELAY,
    '--gops=false',
    '--retry-timeout=1s',
  ]
  const plain = ['--disable-client-tls', '--disable-server-tls', '--health-listen-address', '127.0.0.1:4222']
  const [program, args] = network.node.command(peer('hubble-relay'), 'serve', ...flags, ...plain)
  relay = spawn(program, args, { stdio: 'ignore', cwd: cluster.folder })
}

/** What the CLI prints, asked at the relay. */
function hubble(...words: string[]): string {
  return network.run(network.node, 'env', 'HOME=/nonexistent', peer('hubble'), '--server', RELAY, ...words)
}

/** Resolves when the relay says that so many of so many nodes are connected. */
async function connected(text: string): Promise<void> {
  let last = ''
  await eventually(
    `Connected Nodes: ${text}`,
    () => {
      try {
        last = hubble('status')
      } catch (error) {
        last = (error as Error).message // it starts
      }
      return last.includes(`Connected Nodes: ${text}`) ? true : undefined
    },
    60_000,
  ).catch((cause) => {
    throw new Error(`${(cause as Error).message}: ${last}`)
  })
}

test('one agent tells the relay of both nodes', async () => {
  await connected('2/2')
  const listed = JSON.parse(hubble('list', 'nodes', '-o', 'json')) as { name: string; state: string; address: string }[]
  assert.equal(
    listed.map(({ name, state, address }) => [name, state, address]),
    nodes.map(({ name, address }) => [name, 'NODE_CONNECTED', `${address}:4244`]),
  )
})

test('a connection between the nodes shows from both of them', async () => {
  sendTcp(network, nodes[0]!, nodes[1]!.address, 1, 100)
  const names = await eventually('flows of both nodes', () => {
    const lines = hubble('observe', '--all', '--protocol', 'tcp', '--port', String(ECHO_PORT), '-o', 'json').split('\n')
    const flows = lines.filter((line) => line.includes('"flow"')).map((line) => JSON.parse(line))
    const seen = new Set(flows.map(({ node_name }) => node_name))
    return seen.size === 2 ? [...seen].sort() : undefined
  })
  assert.equal(names, ['pod1', 'pod2'])
})

test('an agent that is killed is missed, and found again when it is back', async () => {
  const [, second] = nodes
  await killAgent(second!)
  await connected('1/2')
  await objects.deletePod('fovea', `agent-${second!.name}`)
  await connected('1/1')
  await startAgent(second!)
  await connected('2/2')
})

test.run()
