import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { eventually } from '../support/eventually.ts'
import { FoveaProcess } from '../support/fovea-process.ts'
import { freePort } from '../support/free-port.ts'
import { hubble, type RunningHubble, startHubble } from '../support/hubble.ts'
import { SAMPLE, sampleBatch } from '../support/hubble-flows.ts'
import { Otelcol, plainAttributes } from '../support/otelcol.ts'

/** `config/gateway.yaml` as it ships, between an agent and the hubble CLI, a Collector and Prometheus' text. */
const test = suite('config/gateway.yaml')
let agent: RunningHubble
let otelcol: Otelcol
let gateway: FoveaProcess
let server = ''
let metrics = ''

test.before(async () => {
  agent = await startHubble()
  agent.exporter.consume(sampleBatch(agent.endpoints))
  otelcol = await Otelcol.prepare()
  await otelcol.start()
  const [hubblePort, prometheusPort, healthPort] = await Promise.all([freePort(), freePort(), freePort()])
  server = `127.0.0.1:${hubblePort}`
  metrics = `http://127.0.0.1:${prometheusPort}/metrics`
  const settings = [
    `exporters.hubble.endpoint=${server}`,
    `exporters.prometheus.endpoint=127.0.0.1:${prometheusPort}`,
    `extensions.health_check.endpoint=127.0.0.1:${healthPort}`,
    'receivers.hubble.last=1000',
    'exporters.otlp_grpc.metrics.interval=5s',
    'service.telemetry.metrics={level: none}',
  ]
  const environment = { HUBBLE_PEERS: agent.server, OTLP_ENDPOINT: `127.0.0.1:${otelcol.port}` }
  const flags = settings.flatMap((setting) => ['--set', setting])
  gateway = new FoveaProcess(['run', '--config', 'config/gateway.yaml', ...flags], environment)
})

test.after(async () => {
  await gateway.kill()
  await otelcol.clear()
  await agent.stop()
})

test('the CLI sees the flows of the agent', async () => {
  await gateway.wrote(/follows the flows of node-1/)
  const args = ['observe', '--all', '-o', 'json']
  const direct = await hubble(agent.server, args)
  await eventually('the flows', async () => {
    const { lines } = await hubble(server, args)
    return lines.length === SAMPLE.length ? lines : undefined
  }).then((lines) => assert.equal(lines, direct.lines))
})

test('the Collector gets each flow as a log record', async () => {
  const records = await eventually('log records', () => {
    const all = otelcol.logRecords()
    return all.length >= SAMPLE.length ? all : undefined
  })
  assert.is(records.length, SAMPLE.length)
  const first = plainAttributes(records[0]!.attributes)
  assert.is(first['source.k8s.pod.name'], 'xwing-0')
  assert.is(first['destination.k8s.workload.name'], 'deathstar')
  assert.is(first['flow.packets'], 1)
  assert.is(first['hubble.node_name'], 'node-1')
  assert.match(String(first['hubble.uuid']), /^[0-9a-f-]{36}$/)
  const [answer] = records
    .map(({ attributes }) => plainAttributes(attributes))
    .filter((all) => all['hubble.dns.rcode'] === 0)
  assert.equal(answer?.['dns.answers'], ['1.2.3.4'])
})

test('Prometheus sees them counted', async () => {
  const text = await (await fetch(metrics)).text()
  const flows = [...text.matchAll(/^hubble_flows_processed_total\{.*\} (\d+)$/gm)]
  assert.is(
    flows.reduce((sum, [, count]) => sum + Number(count), 0),
    SAMPLE.length,
  )
  assert.match(text, /^hubble_drop_total\{.*reason="POLICY_DENIED".*\} 1$/m)
})

test.run()
