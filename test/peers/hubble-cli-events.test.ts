import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { AgentEvent } from '../../src/flow/agent-event.ts'
import { LostSource } from '../../src/flow/enums.ts'
import { ownMetric } from '../support/create-context.ts'
import { eventually } from '../support/eventually.ts'
import { type CliResult, hubble, type RunningHubble, startHubble } from '../support/hubble.ts'
import { SAMPLE, sampleBatch } from '../support/hubble-flows.ts'

/** The real Hubble CLI and what is no flow: agent events, debug events, lost events. */
const test = suite('hubble CLI, events')
let running: RunningHubble

const CLUSTER: readonly AgentEvent[] = [
  {
    at: 'endpoint_created',
    namespace: 'default',
    podName: 'xwing-0',
    end: () => ({ identity: 1_001, localId: 17, labels: ['k8s:app=xwing'] }),
  },
  {
    at: 'ipcache_upserted',
    address: '10.1.0.1',
    identity: () => 1_001,
    oldIdentity: () => 2,
    hostAddress: '192.168.0.1',
    namespace: 'default',
    podName: 'xwing-0',
  },
  {
    at: 'service_upserted',
    id: 5,
    service: { name: 'web', namespace: 'default' },
    type: 'ClusterIP',
    frontend: { address: '10.96.0.9', port: 80 },
    backends: () => [{ address: 'fd00::1', port: 8080 }],
  },
  { at: 'service_deleted', id: 5 },
  { at: 'ipcache_deleted', address: 'fd00::1', identity: () => 6, hostAddress: '', namespace: '', podName: '' },
  {
    at: 'endpoint_deleted',
    namespace: 'default',
    podName: 'xwing-0',
    end: () => ({ identity: 1_001, localId: 17, labels: [] }),
  },
]

const LINES = [
  /^AGENT_STARTED \(start time: \w+ +\d+ [\d:.]+\)$/,
  /^ENDPOINT_CREATED \(id: 17, namespace: default, pod name: xwing-0\)$/,
  /^IPCACHE_UPSERTED \(cidr: 10\.1\.0\.1\/32, identity: 1001, old identity: 2, host ip: 192\.168\.0\.1, encrypt key: 0\)$/,
  /^SERVICE_UPSERTED \(id: 5, frontend: 10\.96\.0\.9:80, backends: \[\[fd00::1\]:8080\], type: ClusterIP, namespace: default, name: web\)$/,
  /^SERVICE_DELETED \(id: 5\)$/,
  /^IPCACHE_DELETED \(cidr: fd00::1\/128, identity: 6, encrypt key: 0\)$/,
  /^ENDPOINT_DELETED \(id: 17, namespace: default, pod name: xwing-0\)$/,
]

test.before.each(async () => {
  running = await startHubble()
  for (const event of CLUSTER) running.endpoints.cluster.events.append(event)
})

test.after.each(() => running.stop())

function events(kind: 'agent-events' | 'debug-events', ...args: string[]): Promise<CliResult> {
  return hubble(running.server, ['observe', kind, ...args])
}

/** Numbers of the events among the lines of compact output. */
function eventsIn({ lines, stderr }: CliResult): number[] {
  assert.is(stderr, '')
  const texts = lines.map((line) => line.replace(/^\w+ +\d+ [\d:.]+: /, ''))
  return texts.map((text) => LINES.findIndex((pattern) => pattern.test(text)))
}

const hour = (ago: number) => new Date(Date.now() - ago * 3_600_000).toISOString()
const selections: { args: string[]; shown: number[] }[] = [
  { args: [], shown: [0, 1, 2, 3, 4, 5, 6] },
  { args: ['--all'], shown: [0, 1, 2, 3, 4, 5, 6] },
  { args: ['--last', '2'], shown: [5, 6] },
  // The CLI does not pass `--first` on and asks for the last 20.
  { args: ['--first', '2'], shown: [0, 1, 2, 3, 4, 5, 6] },
  { args: ['--since', hour(1)], shown: [0, 1, 2, 3, 4, 5, 6] },
  { args: ['--until', hour(1), '--all'], shown: [] },
  { args: ['--since', hour(2), '--until', hour(1)], shown: [] },
]

for (const { args, shown } of selections) {
  test(`observe agent-events ${args.join(' ')}`, async () => {
    assert.equal(eventsIn(await events('agent-events', ...args)), shown)
  })
}

test('observe agent-events --follow goes on with what happens, and says at the end that the agent stops', async () => {
  const following = events('agent-events', '--follow', '--last', '1')
  await followed()
  running.endpoints.cluster.events.append(CLUSTER[0]!)
  await running.stop()
  const { stderr, ...result } = await following
  assert.equal(eventsIn({ ...result, stderr: '' }), [6, 1])
  assert.match(stderr, 'the agent is shutting down')
})

test('agent events in every format', async () => {
  const dict = await events('agent-events', '--last', '2', '-o', 'dict', '--print-node-name')
  assert.match(dict.stdout, / {7}NODE: node-1\n {7}TYPE: IPCACHE_DELETED\n {4}DETAILS: cidr: fd00::1\/128, identity: 6/)
  assert.match(dict.stdout, /\n-{12} +TIMESTAMP: /)
  const table = await events('agent-events', '--all', '-o', 'table')
  assert.match(table.lines[0]!, /^TIMESTAMP +TYPE +DETAILS$/)
  assert.is(table.lines.length, 1 + LINES.length)
  for (const format of ['json', 'jsonpb']) {
    const { lines } = await events('agent-events', '--all', '-o', format)
    const { agent_event, node_name, time } = JSON.parse(lines[1]!)
    const endpoint_update = { id: '17', labels: ['k8s:app=xwing'], pod_name: 'xwing-0', namespace: 'default' }
    assert.equal(agent_event, { type: 'ENDPOINT_CREATED', endpoint_update })
    assert.is(node_name, 'node-1')
    assert.ok(Math.abs(Date.parse(time) - Date.now()) < 60_000)
  }
})

test('debug events: there are none, and who follows waits until the agent stops', async () => {
  for (const args of [['--all'], ['--last', '5'], ['--first', '5', '-o', 'json']]) {
    const result = await events('debug-events', ...args)
    assert.equal([result.code, result.stdout, result.stderr], [0, '', ''])
  }
  const following = events('debug-events', '--follow')
  await followed()
  await running.stop()
  assert.match((await following).stderr, 'the agent is shutting down')
})

test('lost events of every source are printed at their place with what is known of them, whatever the filter', async () => {
  const [firstMs, lastMs] = [Date.UTC(2026, 0, 2, 3, 4, 0), Date.UTC(2026, 0, 2, 3, 4, 1)]
  running.exporter.consume(sampleBatch(running.endpoints))
  running.exporter.consume(
    sampleBatch(running.endpoints, [
      { source: LostSource.PERF_EVENT_RING_BUFFER, count: 42, firstMs, lastMs },
      { source: LostSource.OBSERVER_EVENTS_QUEUE, count: 7, firstMs, lastMs },
    ]),
  )
  const { lines } = await hubble(running.server, ['observe', '--all', '--protocol', 'icmp'])
  assert.is(lines.length, 4)
  assert.match(lines[1]!, / EVENTS LOST: PERF_EVENT_RING_BUFFER CPU\(0\) 42$/)
  const between = '\\(first: Jan {2}2 03:04:00.000, last: Jan {2}2 03:04:01.000\\)'
  assert.match(lines[2]!, new RegExp(` EVENTS LOST: OBSERVER_EVENTS_QUEUE CPU\\(0\\) 7 ${between}$`))
  const table = await hubble(running.server, ['observe', '--all', '-o', 'table'])
  assert.is(table.lines.length, 1 + 2 * SAMPLE.length + 2)
  const json = await hubble(running.server, ['observe', '--all', '-o', 'json', '--protocol', 'icmp'])
  const { lost_events } = JSON.parse(json.lines[1]!)
  assert.equal(lost_events, { source: 'PERF_EVENT_RING_BUFFER', num_events_lost: '42', cpu: 0 })
})

async function followed(): Promise<void> {
  const streams = () => ownMetric(running.context, 'otelcol_exporter_hubble_streams', { exporter: 'hubble' })
  await eventually('the CLI to follow', () => streams() === 1 || undefined)
}

test.run()
