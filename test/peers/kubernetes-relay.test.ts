import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { eventually } from '../support/eventually.ts'
import { RelayedNodes } from '../support/relayed-nodes.ts'
import { ECHO_PORT, sendTcp } from '../support/traffic.ts'

const test = suite('hubble-relay in front of two nodes')

let relayed: RelayedNodes

test.before(async () => {
  relayed = await RelayedNodes.start({
    purpose: 'kuberelay',
    relay: ['--disable-client-tls', '--disable-server-tls'],
  })
})

test.after(() => relayed?.stop())

test('one agent tells the relay of both nodes', async () => {
  await relayed.connected('2/2')
  const listed = JSON.parse(relayed.hubble('list', 'nodes', '-o', 'json')) as Record<string, string>[]
  assert.equal(
    listed.map(({ name, state, address }) => [name, state, address]),
    relayed.nodes.map(({ name, address }) => [name, 'NODE_CONNECTED', `${address}:4244`]),
  )
})

test('a connection between the nodes shows from both of them', async () => {
  const [first, second] = relayed.nodes
  sendTcp(relayed.network, first, second.address, 1, 100)
  const names = await eventually('flows of both nodes', () => {
    const wanted = ['--protocol', 'tcp', '--port', String(ECHO_PORT)]
    const lines = relayed.hubble('observe', '--all', ...wanted, '-o', 'json').split('\n')
    const flows = lines.filter((line) => line.includes('"flow"')).map((line) => JSON.parse(line))
    const seen = new Set(flows.map(({ node_name }) => node_name))
    return seen.size === 2 ? [...seen].sort() : undefined
  })
  assert.equal(names, ['pod1', 'pod2'])
})

test('an agent that is killed is missed, and found again when it is back', async () => {
  const [, second] = relayed.nodes
  await relayed.killAgent(second)
  await relayed.connected('1/2')
  await relayed.deletePod(second)
  await relayed.connected('1/1')
  await relayed.startAgent(second)
  await relayed.connected('2/2')
})

test.run()
