import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { hubble, type RunningHubble, startHubble } from '../support/hubble.ts'
import { SAMPLE, sampleBatch } from '../support/hubble-flows.ts'
import { type Gateway, startGateway } from '../support/hubble-gateway.ts'

/** The real `hubble` CLI sees through a gateway what it sees at the agent. */
const test = suite('hubble gateway')
let agent: RunningHubble
let gateway: Gateway

test.before(async () => {
  agent = await startHubble()
  agent.exporter.consume(sampleBatch(agent.endpoints))
  gateway = await startGateway({ endpoint: agent.server, last: 1_000 })
  await gateway.sink.until(SAMPLE.length)
})

test.after(async () => {
  await gateway.stop()
  await agent.stop()
})

for (const output of ['json', 'compact', 'dict', 'table']) {
  test(`--output ${output} is that of the agent, letter for letter`, async () => {
    const args = ['observe', '--all', '--output', output, '--print-node-name']
    const [direct, through] = await Promise.all([hubble(agent.server, args), hubble(gateway.server, args)])
    assert.is(direct.code, 0, direct.stderr)
    assert.ok(direct.lines.length >= SAMPLE.length)
    assert.is(through.stdout, direct.stdout)
  })
}

for (const filter of [
  ['--pod', 'default/xwing-0'],
  ['--label', 'k8s:app=deathstar'],
  ['--verdict', 'DROPPED'],
  ['--protocol', 'dns'],
  ['--to-port', '81'],
  ['--from-ip', '10.1.0.1'],
  ['--to-fqdn', 'dns.google'],
  ['--type', 'l7'],
  ['--identity', '1003'],
  ['--traffic-direction', 'ingress'],
  ['--node-name', 'node-1'],
  ['--interface', 'veth7'],
]) {
  test(`${filter.join(' ')} finds the same flows`, async () => {
    const args = ['observe', '--all', '--output', 'json', ...filter]
    const [direct, through] = await Promise.all([hubble(agent.server, args), hubble(gateway.server, args)])
    assert.ok(direct.lines.length > 0)
    assert.equal(through.lines, direct.lines)
  })
}

test('a flow is found by its UUID', async () => {
  const { lines } = await hubble(agent.server, ['observe', '--last', '1', '--output', 'json'])
  const uuid = JSON.parse(lines[0]!).flow.uuid
  const found = await hubble(gateway.server, ['observe', '--all', '--output', 'json', '--uuid', uuid])
  assert.equal(found.lines, lines)
})

test('namespaces are those of the flows', async () => {
  const [direct, through] = await Promise.all(
    [agent, gateway].map(({ server }) => hubble(server, ['list', 'namespaces'])),
  )
  assert.is(through!.stdout, direct!.stdout)
})

test.run()
