import type { ServiceError } from '@grpc/grpc-js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { makeCertificates, mutualTls } from '../support/certificates.ts'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/free-port.ts'
import { hubble, type RunningHubble, startHubble } from '../support/hubble.ts'
import { type FlowsResponse, HubbleClient } from '../support/hubble-client.ts'
import { SAMPLE, sampleBatch } from '../support/hubble-flows.ts'
import { type RunningRelay, startRelay } from '../support/hubble-relay.ts'
import { mapRequest, serviceMap, type UiFlow } from '../support/hubble-ui.ts'
import { TemporaryFolder } from '../support/temporary-folder.ts'

/**
 * The real hubble-relay in front of three agents, and what Hubble UI asks of it and of an agent alone. The relay has one kind of
 * TLS for all its peers: with none, an agent that insists on it is one of those it cannot reach.
 */
const test = suite('hubble-relay and Hubble UI')
const HOSTS = ['127.0.0.1', '127.0.0.2', '127.0.0.3'] as const
const folder = new TemporaryFolder()
const agents: RunningHubble[] = []
let relay: RunningRelay
let client: HubbleClient

/** The first agent's cluster names all three; the third one speaks TLS alone. */
test.before(async () => {
  const port = await freePort()
  for (const [i, host] of HOSTS.entries()) {
    const tls = i === 2 ? { tls: mutualTls(makeCertificates(folder.path)) } : {}
    const agent = await startHubble({ endpoint: `${host}:${port}`, ...tls }, `node-${i + 1}`)
    agent.exporter.consume(sampleBatch(agent.endpoints))
    agents.push(agent)
  }
  for (const [i, address] of HOSTS.entries()) agents[0]!.endpoints.cluster.setPeer({ node: `node-${i + 1}`, address })
  relay = await startRelay(agents[0]!.server)
  client = new HubbleClient(relay.server)
  await nodes('2/3')
})

test.after(async () => {
  client?.close()
  await relay?.stop()
  for (const agent of agents) await agent.stop()
  folder.remove()
})

async function nodes(connected: string): Promise<string> {
  return await eventually(`${connected} nodes`, async () => {
    const { stdout } = await hubble(relay.server, ['status'])
    return stdout.includes(`Connected Nodes: ${connected}`) ? stdout : undefined
  })
}

test('status adds up the agents that answer and names the one that wants TLS', async () => {
  const status = await nodes('2/3')
  assert.match(status, `Current/Max Flows: ${2 * SAMPLE.length}/131,070`)
  assert.match(status, /Unavailable Nodes: 1\n +- node-3/)
})

test('nodes are all three with their states, namespaces those of all', async () => {
  const listed = JSON.parse((await hubble(relay.server, ['list', 'nodes', '-o', 'json'])).stdout) as Listed[]
  const reached = listed.filter(({ state }) => state === 'NODE_CONNECTED')
  assert.equal(
    reached.map(({ name, seen_flows }) => [name, seen_flows]),
    [
      ['node-1', String(SAMPLE.length)],
      ['node-2', String(SAMPLE.length)],
    ],
  )
  assert.equal(
    listed.map(({ name }) => name),
    ['node-1', 'node-2', 'node-3'],
  )
  const { lines } = await hubble(relay.server, ['list', 'namespaces'])
  assert.equal(lines, ['NAMESPACE', 'default', 'kube-system'])
})

interface Listed {
  name: string
  state: string
  seen_flows: string
}

test('flows of all reachable agents come in the order of time, and the missing one is told', async () => {
  const { lines, stderr } = await hubble(relay.server, ['observe', '--all', '-o', 'json'])
  const answers = lines.map((line) => JSON.parse(line)).filter(({ flow }) => flow !== undefined)
  assert.is(answers.length, 2 * SAMPLE.length)
  const times = answers.map(({ time }) => Date.parse(time))
  assert.equal(
    times,
    times.toSorted((a, b) => a - b),
  )
  assert.equal([...new Set(answers.map(({ node_name }) => node_name))].sort(), ['node-1', 'node-2'])
  assert.match(`${stderr}${lines.join('\n')}`, /node-3/)
})

const MAP = {
  cards: { 1001: 'xwing', 1002: 'deathstar', 1003: 'kube-dns', 'dns.google-receiver': 'dns.google' },
  links: {
    '1001 TCP 1002:80': [1],
    '1001 TCP 1002:81': [2],
    '1001 TCP dns.google-receiver:443': [1],
    '1001 UDP 1003:53': [1],
  },
}

for (const place of ['an agent', 'the relay'] as const) {
  test(`what Hubble UI asks of ${place} gives its map of the namespace`, async () => {
    const asked = place === 'an agent' ? new HubbleClient(agents[0]!.server) : client
    try {
      assert.equal(serviceMap(await uiFlows(asked, place === 'an agent' ? 1 : 2)), MAP)
    } finally {
      if (asked !== client) asked.close()
    }
  })
}

/** Flows of one map, while the status is asked for as every five seconds. @param from how many agents */
async function uiFlows(asked: HubbleClient, from: number): Promise<UiFlow[]> {
  const call = asked.stream('observer.Observer', 'GetFlows', mapRequest('default'))
  const flows: UiFlow[] = []
  const keys = new Set<string>()
  let ended: ServiceError | 'OK' | undefined
  call.on('error', (error: ServiceError) => {
    ended ??= error
  })
  call.on('data', ({ flow, node_name }: FlowsResponse) => {
    if (!flow) return
    flows.push(flow as UiFlow)
    keys.add(`${flow.time?.seconds}.${flow.time?.nanos} ${node_name}`)
  })
  call.on('end', () => {
    ended ??= 'OK'
  })
  // Five flows of the sample are of the namespace and no replies.
  await eventually('the flows of the map', () => flows.length === 5 * from || undefined)
  for (let round = 0; round < 2; round++) {
    const status = await asked.call('observer.Observer', 'ServerStatus')
    const listed = await asked.call('observer.Observer', 'GetNodes')
    assert.ok(Number(status.num_flows) >= SAMPLE.length)
    assert.ok((listed.nodes as object[]).length >= 1)
  }
  assert.is(ended, undefined, 'the stream stays open')
  // The UI's table takes time and node for the key of a row.
  assert.is(keys.size, flows.length)
  call.cancel()
  return flows
}

test('an agent that dies is missed, the others go on', async () => {
  const following = hubble(relay.server, ['observe', '--follow', '--last', '1', '-o', 'json'], 6_000)
  await agents[1]!.stop()
  const status = await nodes('1/3')
  assert.match(status, /Unavailable Nodes: 2\n/)
  const timer = setInterval(() => agents[0]!.exporter.consume(sampleBatch(agents[0]!.endpoints)), 500)
  const { lines } = await following
  clearInterval(timer)
  const answers = lines.map((line) => JSON.parse(line))
  assert.ok(answers.filter(({ flow }) => flow?.node_name === 'node-1').length > SAMPLE.length)
})

test.run()
