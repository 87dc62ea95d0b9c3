import { writeFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { EndpointTable, endpoint } from '../../../src/flow/endpoint.ts'
import { defaultsOf } from '../../../src/pipeline/config/decode.ts'
import { type HubbleMetricsConfig, hubbleMetricsConfig } from '../../../src/processors/hubble_metrics/config.ts'
import { HubbleMetricsConnector } from '../../../src/processors/hubble_metrics/connector.ts'
import { createContext, ownMetric } from '../../support/create-context.ts'
import { eventually } from '../../support/eventually.ts'
import { flowBatch, TCP_SYN } from '../../support/flows.ts'
import { DROP, familySeries } from '../../support/metric-rows.ts'
import { TemporaryFolder } from '../../support/temporary-folder.ts'

const folder = new TemporaryFolder()
const METRIC = 'flow:labelsContext=source_namespace,source_pod;destinationContext=pod'

/** Two pods that talk to each other, and the connector that counts them. */
async function running(overrides: Partial<HubbleMetricsConfig>) {
  const endpoints = new EndpointTable()
  const pod = (name: string) =>
    endpoints.add(
      endpoint({ namespace: 'shop', podName: name, workloads: [{ name: name.slice(0, -2), kind: 'Deployment' }] }),
    )
  const ids = [pod('cart-1'), pod('db-0')] as const
  const context = { ...createContext('connector', 'hubble_metrics'), endpoints }
  const defaults = defaultsOf(hubbleMetricsConfig.schema) as unknown as HubbleMetricsConfig
  const made = new HubbleMetricsConnector(context, { ...defaults, gone_series_ttl: 20, ends: 'pod', ...overrides })
  await made.start()
  const consume = (source: number, destination: number, row = TCP_SYN) => {
    const batch = flowBatch([row])
    batch.columns.sourceEndpoint[0] = source
    batch.columns.destinationEndpoint[0] = destination
    made.consume(batch)
  }
  const told = () => Object.keys(Object.assign({}, ...made.source.families().map(familySeries)))
  const removed = () =>
    ownMetric(context, 'fovea_connector_removed_series_total', { connector: 'hubble_metrics', reason: 'gone' })
  return { endpoints, ids, made, consume, told, removed }
}

const test = suite('series of ends that are gone')

const dynamicList = () => {
  const path = folder.at('metrics.yaml')
  writeFileSync(path, `metrics: ["${METRIC}"]`)
  return { path, interval: 10_000 }
}

for (const { name, overrides } of [
  { name: 'listed in the configuration', overrides: () => ({ metrics: [METRIC] }) },
  { name: 'listed in a file', overrides: () => ({ dynamic_config: dynamicList() }) },
]) {
  test(`metrics ${name}: a pod that is gone leaves no series`, async () => {
    const { endpoints, ids, made, consume, told, removed } = await running(overrides())
    const [cart, db] = ids
    for (const [source, destination] of [
      [cart, db],
      [db, cart],
      [db, db],
    ] as const)
      consume(source, destination)
    // For each pair: the flow, its packets and its bytes.
    assert.is(told().length, 9)
    endpoints.depart(cart)
    await eventually('the series to go', () => told().length === 3 || undefined)
    assert.equal(
      told().filter((series) => series.includes('cart')),
      [],
    )
    assert.is(removed(), 6)
    await made.shutdown()
  })
}

test('who lost what, why, where and to whom is in one series', async () => {
  const { ids, made, consume, told } = await running({ metrics: ['drop'], ends: 'workload' })
  consume(ids[0], 0, { ...DROP, destination: '192.0.2.7', packets: 3 })
  const [packets] = told().filter((series) => series.startsWith('fovea_drop_packets_total'))
  for (const label of [
    'reason=NETFILTER_DROP',
    'location=nf_hook_slow',
    'source_namespace=shop',
    'source_workload=cart',
    'source_workload_kind=Deployment',
    'destination_reserved=world',
  ]) {
    assert.ok(packets?.includes(label), `${label} in ${packets}`)
  }
  await made.shutdown()
})

test.after(() => folder.remove())
test.run()
