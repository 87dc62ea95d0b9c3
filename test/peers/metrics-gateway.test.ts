import { writeFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { messageType } from '../../src/hubble/definition.ts'
import { eventually } from '../support/eventually.ts'
import { FoveaProcess } from '../support/fovea-process.ts'
import { freePort } from '../support/free-port.ts'
import { openMetricsSeries, type Series } from '../support/open-metrics.ts'
import { TemporaryFolder } from '../support/temporary-folder.ts'
import { UpstreamMetrics } from '../support/upstream-metrics.ts'
import { startUpstreamObserver, type UpstreamObserver } from '../support/upstream-observer.ts'

/**
 * Flows of Hubble's own observer through a whole fovea, whose metrics a file lists that changes: what `/metrics` shows is what
 * Hubble's handlers show of them, exemplars included.
 */
const FLOWS = 60

const folder = new TemporaryFolder()
const list = folder.at('metrics.yaml')
let observer: UpstreamObserver
let upstream: UpstreamMetrics
let fovea: FoveaProcess
let metrics = ''

/** HTTP between two pods and the world, as Cilium's proxy tells it. */
const flows = Array.from({ length: FLOWS }, (_, i) => ({
  uuid: `00000000-0000-4000-8000-${String(i).padStart(12, '0')}`,
  time: { seconds: 1_700_000_000 + i },
  node_name: 'node-1',
  verdict: i % 5 === 0 ? 2 : 1,
  drop_reason_desc: i % 5 === 0 ? 181 : 0,
  event_type: { type: 129 },
  Type: 2,
  traffic_direction: 1 + (i % 2),
  IP: { source: '10.1.0.1', destination: '8.8.8.8', ipVersion: 1 },
  l4: { TCP: { source_port: 40_000 + i, destination_port: 443 } },
  source: { identity: 1_001, namespace: 'shop', pod_name: `cart-${i % 3}`, labels: ['k8s:app=cart'] },
  destination: { identity: 2, labels: ['reserved:world'] },
  is_reply: { value: i % 2 === 1 },
  l7: {
    type: 1 + (i % 2),
    latency_ns: (i % 2) * i * 1_000_000,
    http: { code: (i % 2) * 200, method: 'GET', url: 'http://a/', protocol: 'HTTP/1.1' },
  },
  trace_context: { parent: { trace_id: String(i).padStart(32, '0') } },
}))

/** What Hubble shows for the list that a file holds. */
async function wanted(): Promise<Series> {
  const { text } = await upstream.count({ dynamic: LISTS.first })
  return openMetricsSeries(text!)
}

const LISTS = {
  first: `
metrics:
- name: http
  contextOptions:
  - {name: exemplars, values: ["true"]}
  - {name: sourceContext, values: [pod]}
  - {name: labelsContext, values: [traffic_direction, destination_ip]}
- name: drop
  includeFilters: [{source_pod: [shop/cart-1]}]
- {name: policy}
- {name: flows-to-world, contextOptions: [{name: port}, {name: any-drop}]}
`,
  second: 'metrics: [{name: drop, includeFilters: [{source_pod: [shop/cart-2]}]}]',
}

async function scraped(): Promise<Series> {
  const accept = 'application/openmetrics-text; version=1.0.0'
  const text = await (await fetch(metrics, { headers: { accept } })).text()
  const series = Object.entries(openMetricsSeries(text))
  return Object.fromEntries(
    series.filter(([name]) => !/^(hubble_lost_events_total|hubble_metrics_http_handler_|target_info)/.test(name)),
  )
}

const test = suite("metrics of Hubble's flows")

test.before(async () => {
  const { serialize } = messageType('observer.GetFlowsResponse')
  const events = flows.map((flow) => serialize({ flow, time: flow.time, node_name: flow.node_name }))
  upstream = new UpstreamMetrics(events)
  // The event written last is not read until another one comes.
  observer = await startUpstreamObserver([...events, Buffer.from([0x22, 0])], 'node-1')
  writeFileSync(list, LISTS.first)
  const port = await freePort()
  metrics = `http://127.0.0.1:${port}/metrics`
  const config = {
    receivers: { hubble: { endpoint: observer.server, last: 1_000, tls: { insecure: true } } },
    connectors: { hubble_metrics: { dynamic_config: { path: list, interval: '50ms' }, exact: false } },
    exporters: { prometheus: { endpoint: `127.0.0.1:${port}`, enable_open_metrics: true } },
    service: {
      telemetry: { metrics: { level: 'none' } },
      pipelines: {
        flows: { receivers: ['hubble'], exporters: ['hubble_metrics'] },
        metrics: { receivers: ['hubble_metrics'], exporters: ['prometheus'] },
      },
    },
  }
  const file = folder.at('fovea.yaml')
  writeFileSync(file, JSON.stringify(config))
  fovea = new FoveaProcess(['run', '--config', file])
})

test.after(async () => {
  await fovea.kill()
  await upstream.stop()
  await observer.stop()
  folder.remove()
})

test('are those of its handlers, with their exemplars', async () => {
  const theirs = await wanted()
  await fovea.wrote(/follows the flows of/)
  const own = await eventually('all flows', async () => {
    const series = await scraped()
    const verdicts = Object.entries(series).filter(([name]) => name.startsWith('hubble_policy_verdicts_total'))
    return verdicts.reduce((sum, [, { value }]) => sum + value, 0) === FLOWS ? series : undefined
  })
  assert.equal(own, theirs)
  assert.ok(Object.values(own).some(({ trace }) => trace === String(FLOWS - 1).padStart(32, '0')))
})

test('go with the entries of the file, and with other filters they stay', async () => {
  const drops = Object.fromEntries(Object.entries(await scraped()).filter(([name]) => name.startsWith('hubble_drop')))
  writeFileSync(list, LISTS.second)
  await fovea.wrote(/0 added, 1 updated, 3 removed/)
  assert.equal(await scraped(), drops)
})

test.run()
