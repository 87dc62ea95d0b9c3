import { rmSync, writeFileSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { EndpointTable } from '../../../src/flow/endpoint.ts'
import { Ends } from '../../../src/flow/ends.ts'
import { Verdict } from '../../../src/flow/enums.ts'
import type { Family } from '../../../src/metrics/family.ts'
import { defaultsOf } from '../../../src/pipeline/config/decode.ts'
import {
  DEFAULT_METRICS,
  type HubbleMetricsConfig,
  hubbleMetricsConfig,
} from '../../../src/processors/hubble_metrics/config.ts'
import { HubbleMetricsConnector } from '../../../src/processors/hubble_metrics/connector.ts'
import { HANDLER_KINDS } from '../../../src/processors/hubble_metrics/handlers/kinds.ts'
import { SeriesKeeper } from '../../../src/processors/hubble_metrics/series-keeper.ts'
import { createContext, ownMetric } from '../../support/create-context.ts'
import { eventually } from '../../support/eventually.ts'
import { flowBatch, TCP_SYN } from '../../support/flows.ts'
import { foreignBatch } from '../../support/foreign-batch.ts'
import { DROP, familySeries } from '../../support/metric-rows.ts'
import { TemporaryFolder } from '../../support/temporary-folder.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

const test = suite('metrics of a file that changes')
const folder = new TemporaryFolder()
let files = 0

/** A connector whose metrics a file lists, which is read all the time. */
async function running(text: string | undefined, overrides: Partial<HubbleMetricsConfig> = {}) {
  const path = folder.at(`metrics-${++files}.yaml`)
  const list = (description: string) => writeFileSync(path, description)
  if (text !== undefined) list(text)
  const context = createContext('connector', 'hubble_metrics')
  const defaults = defaultsOf(hubbleMetricsConfig.schema) as unknown as HubbleMetricsConfig
  const config = { ...defaults, ...overrides, exact: false, dynamic_config: { path, interval: 5 } }
  const connector = new HubbleMetricsConnector(context, config)
  await connector.start()
  const done = (op: string) =>
    ownMetric(context, 'fovea_connector_reconfigurations_total', { connector: 'hubble_metrics', op })
  const until = (op: string, times: number) => eventually(`${op} ${times}`, () => done(op) >= times || undefined)
  const names = () => connector.source.families().map(({ name }) => name)
  const family = (name: string) => connector.source.families().find((one) => one.name === name) as Family
  const series = () => Object.assign({}, ...connector.source.families().map(familySeries))
  return { connector, context, path, list, done, until, names, family, series }
}

const LOST = 'hubble_lost_events_total'

test('are added and removed while flows come; what stays goes on counting', async () => {
  const { connector, context, list, until, names, family, series } = await running('metrics: [{name: flow}]')
  connector.consume(flowBatch([TCP_SYN]))
  assert.equal(names(), ['hubble_flows_processed_total', LOST])
  list('metrics:\n- name: drop\n- name: flow\n')
  await until('add', 2)
  connector.consume(flowBatch([TCP_SYN, DROP]))
  assert.equal(names(), ['hubble_drop_total', 'hubble_flows_processed_total', LOST])
  assert.equal(series(), {
    'hubble_drop_total{reason=POLICY_DENIED,protocol=TCP}': 1,
    'hubble_flows_processed_total{protocol=TCP,type=Trace,subtype=to-stack,verdict=FORWARDED}': 2,
    'hubble_flows_processed_total{protocol=TCP,type=Drop,subtype=,verdict=DROPPED}': 1,
  })
  const gauge = (metric: string) =>
    ownMetric(context, 'fovea_connector_series', { connector: 'hubble_metrics', metric })
  assert.equal([gauge('hubble_drop_total'), gauge('hubble_flows_processed_total')], [1, 2])
  list('metrics: [{name: drop}]')
  await until('remove', 1)
  assert.equal(names(), ['hubble_drop_total', LOST])
  assert.equal([gauge('hubble_drop_total'), gauge('hubble_flows_processed_total')], [1, 0])
  list('metrics: [{name: drop}, {name: flow}]')
  await until('add', 3)
  assert.is(family('hubble_flows_processed_total').size, 0)
  await connector.shutdown()
})

test('a metric that goes leaves its room to others, and no own metric', async () => {
  const { connector, context, list, until, family } = await running('metrics: [{name: port-distribution}]', {
    total_cardinality_limit: 4,
  })
  const watched = () =>
    context.telemetry
      .families()
      .filter(({ name }) => name === 'fovea_connector_series')
      .flatMap((gauges) => [...gauges.ids()].map((id) => gauges.labelValues(id)?.[1]))
  const rows = [1, 2, 3, 4].map((destinationPort) => ({ ...TCP_SYN, destinationPort }))
  connector.consume(flowBatch([...rows, ...rows]))
  assert.is(family('hubble_port_distribution_total').size, 4)
  list('metrics: [{name: flow}]')
  await until('remove', 1)
  connector.consume(flowBatch([TCP_SYN, DROP]))
  assert.is(family('hubble_flows_processed_total').size, 2)
  assert.equal(watched().sort(), ['hubble_flows_processed_total', LOST])
  await connector.shutdown()
})

test('a changed filter keeps the series and their values', async () => {
  const { connector, list, until, family, series } = await running('metrics: [{name: flow}]')
  const before = family('hubble_flows_processed_total')
  connector.consume(flowBatch([TCP_SYN, DROP]))
  list('metrics: [{name: flow, includeFilters: [{verdict: [DROPPED]}], excludeFilters: [{destination_port: ["443"]}]}]')
  await until('update', 1)
  connector.consume(flowBatch([TCP_SYN, DROP, { ...DROP, destinationPort: 443 }]))
  assert.is(family('hubble_flows_processed_total'), before)
  assert.equal(series(), {
    'hubble_flows_processed_total{protocol=TCP,type=Trace,subtype=to-stack,verdict=FORWARDED}': 1,
    'hubble_flows_processed_total{protocol=TCP,type=Drop,subtype=,verdict=DROPPED}': 2,
  })
  await connector.shutdown()
})

test('changed labels end the old series and begin new ones', async () => {
  const { connector, context, list, until, series } = await running('metrics: [{name: drop}]')
  connector.consume(flowBatch([DROP, DROP]))
  list('metrics: [{name: drop, contextOptions: [{name: sourceContext, values: [ip]}]}]')
  await until('update', 1)
  connector.consume(flowBatch([DROP]))
  assert.equal(series(), { 'hubble_drop_total{reason=POLICY_DENIED,protocol=TCP,source=10.0.0.1}': 1 })
  const labels = { connector: 'hubble_metrics', metric: 'hubble_drop_total' }
  assert.is(ownMetric(context, 'fovea_connector_series', labels), 1)
  await connector.shutdown()
})

test('a delta reader gets what a metric counted before it went, once, even when the first try fails', async () => {
  const { connector, list, until } = await running('metrics: [{name: drop}]')
  const producer = connector.source.producer('delta')
  const told = async () => {
    const { resourceMetrics } = await producer.collect()
    return resourceMetrics.scopeMetrics.flatMap(({ metrics }) =>
      metrics.flatMap(({ descriptor, dataPoints }) => dataPoints.map(({ value }) => [descriptor.name, value])),
    )
  }
  connector.consume(flowBatch([DROP]))
  assert.equal(await told(), [['hubble_drop_total', 1]])
  connector.consume(flowBatch([DROP, DROP]))
  list('metrics: [{name: flow}]')
  await until('remove', 1)
  assert.equal(await told(), [['hubble_drop_total', 2]])
  if ('undo' in producer) producer.undo()
  assert.equal(await told(), [['hubble_drop_total', 2]])
  assert.equal(await told(), [])
  await connector.shutdown()
})

test('stay as they are when the file becomes bad, which is told once and with its place', async () => {
  const { connector, context, list, until, names } = await running('metrics: [{name: flow}, {name: drop}]')
  const before = names()
  list('metrics:\n- name: icmp\n- name: flow\n  includeFilters:\n  - verdict: [DROPED]\n- name: flow\n')
  await until('failure', 3)
  assert.equal(names(), before)
  const [line, ...more] = context.lines.filter(({ msg }) => msg.startsWith('Metrics stay as they are'))
  assert.equal(more, [])
  assert.match(
    line!.msg,
    /metrics::1::includeFilters::0::verdict::0: unknown value "DROPED".*\(.*metrics-\d+\.yaml:5:15\)/,
  )
  assert.match(line!.msg, /metrics::2: metric "flow" is listed twice \(.*metrics-\d+\.yaml:6:3\)/)
  assert.is(context.statuses.at(-1)?.at, 'recoverable_error')
  list('metrics: [{name: flow}]')
  await until('remove', 1)
  assert.is(context.statuses.at(-1)?.at, 'ok')
  await connector.shutdown()
})

const bad: { name: string; text: string; message: RegExp }[] = [
  { name: 'no YAML', text: 'metrics: [', message: /not valid YAML.*\(.*:1:\d+\)/ },
  { name: 'no map', text: '- flow', message: /expected/ },
  {
    name: 'a missing name',
    text: 'metrics:\n- includeFilters: []\n',
    message: /metrics::0: "name" is missing \(.*:2:3\)/,
  },
  { name: 'an unknown key', text: 'metric: []', message: /metric.*\(.*:1:1\)/ },
  { name: 'too much', text: `# ${'x'.repeat(1024 * 1024)}`, message: /is larger than 1048576 bytes/ },
]
for (const { name, text, message } of bad)
  test(`nothing is counted as long as the file has ${name}; a good one is taken then`, async () => {
    const { connector, context, list, until, names } = await running(text)
    assert.match(context.lines[0]!.msg, message)
    assert.equal(names(), [LOST])
    list('metrics: [{name: flow}]')
    await until('add', 1)
    assert.equal(names(), ['hubble_flows_processed_total', LOST])
    await connector.shutdown()
  })

test('a file that is missing, or goes, changes nothing', async () => {
  const { connector, context, path, list, until, done, names } = await running(undefined)
  assert.match(context.lines[0]!.msg, /ENOENT/)
  list('')
  await eventually('the empty file', () => context.statuses.at(-1)?.at === 'ok' || undefined)
  list('metrics: [{name: flow}]')
  await until('add', 1)
  const failures = done('failure')
  rmSync(path)
  await until('failure', failures + 2)
  assert.equal(names(), ['hubble_flows_processed_total', LOST])
  await connector.shutdown()
})

test('what a metric knew of ends goes with the last one that asked for the same', async () => {
  const defaults = defaultsOf(hubbleMetricsConfig.schema) as unknown as HubbleMetricsConfig
  const keeper = new SeriesKeeper(defaults, new Ends())
  /** Two metrics with the same labels. */
  const made = () => {
    const settings = keeper.hubbleSettings({ options: new Map([['sourcecontext', ['pod']]]), limit: undefined })
    const handlers = ['flow', 'drop'].map((name) => HANDLER_KINDS[name]!.hubble(settings))
    return { ends: new WeakRef(settings.ends), families: handlers.map((handler) => [...handler.families]) }
  }
  const { ends, families } = made()
  for (const stays of [true, false]) {
    keeper.drop(families.pop()!)
    // A weak reference that was asked stays until the end of its turn.
    await setImmediate()
    collect()
    assert.is(ends.deref() !== undefined, stays)
  }
})

test('cannot be listed in two places', () => {
  const defaults = defaultsOf(hubbleMetricsConfig.schema) as unknown as HubbleMetricsConfig
  const config = { ...defaults, dynamic_config: { path: 'metrics.yaml', interval: 5 } }
  assert.equal(hubbleMetricsConfig.check?.(config), [])
  // Those of the default, too, where they are written.
  for (const metrics of [['flow'], DEFAULT_METRICS])
    assert.equal(hubbleMetricsConfig.check?.({ ...config, metrics: [...metrics] }), [
      { path: ['metrics'], message: 'cannot configure both static and dynamic Hubble metrics: leave one of them out' },
    ])
})

test('static filters decide for the exact series, too', () => {
  const context = createContext('connector', 'hubble_metrics')
  const defaults = defaultsOf(hubbleMetricsConfig.schema) as unknown as HubbleMetricsConfig
  const metrics = [{ name: 'flow', includeFilters: [{ verdict: ['FORWARDED'], destination_port: [80] }] }, 'drop']
  const connector = new HubbleMetricsConnector(context, { ...defaults, ends: 'none', metrics })
  const none = { ...TCP_SYN, verdict: Verdict.FORWARDED, destinationPort: 81 }
  connector.consume(flowBatch([none, { ...TCP_SYN, packets: 3 }, none, DROP]))
  connector.consume(flowBatch([none]))
  const series = Object.assign({}, ...connector.source.families().map(familySeries))
  assert.is(series['fovea_flow_packets_total{observation_point=to-stack,protocol=TCP,verdict=FORWARDED}'], 3)
  assert.is(series['hubble_drop_total{reason=POLICY_DENIED,protocol=TCP}'], 1)
})

test('what filters leave of a batch is given back', () => {
  const table = new EndpointTable()
  const context = { ...createContext('connector', 'hubble_metrics'), endpoints: table }
  const defaults = defaultsOf(hubbleMetricsConfig.schema) as unknown as HubbleMetricsConfig
  const metrics = [{ name: 'flow', includeFilters: [{ verdict: ['FORWARDED'] }] }]
  const connector = new HubbleMetricsConnector(context, { ...defaults, metrics })
  const batch = foreignBatch(table, [{ verdict: 1 }, { verdict: 2 }])
  connector.consume(batch)
  assert.is(connector.source.families()[0]?.size, 1)
  const { foreign } = batch
  const before = foreign!.bytes
  batch.release()
  // The encoded flows are gone: nobody else holds them.
  assert.ok(foreign!.bytes < before)
})

test.after(() => folder.remove())

test.run()
