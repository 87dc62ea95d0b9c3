import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { defaultsOf } from '../../../src/pipeline/config/decode.ts'
import { type HubbleMetricsConfig, hubbleMetricsConfig } from '../../../src/processors/hubble_metrics/config.ts'
import { HubbleMetricsConnector } from '../../../src/processors/hubble_metrics/connector.ts'
import { createContext, ownMetric } from '../../support/create-context.ts'
import { eventually } from '../../support/eventually.ts'
import { flowBatch, TCP_SYN } from '../../support/flows.ts'

function connector(overrides: Partial<HubbleMetricsConfig> = {}) {
  const context = createContext('connector', 'hubble_metrics')
  const defaults = defaultsOf(hubbleMetricsConfig.schema) as unknown as HubbleMetricsConfig
  return { context, made: new HubbleMetricsConnector(context, { ...defaults, ...overrides }) }
}

const names = (made: HubbleMetricsConnector) => made.source.families().map(({ name }) => name)

const connecting = suite('HubbleMetricsConnector')

connecting('the default set has the metrics of six names, and the exact ones', () => {
  assert.equal(names(connector().made).sort(), [
    'fovea_dns_latency_seconds',
    'fovea_drop_bytes_total',
    'fovea_drop_packets_total',
    'fovea_flow_bytes_total',
    'fovea_flow_packets_total',
    'fovea_tcp_connect_seconds',
    'fovea_tcp_resets_total',
    'fovea_tcp_retransmits_total',
    'fovea_tcp_rtt_seconds',
    'hubble_dns_queries_total',
    'hubble_dns_response_types_total',
    'hubble_dns_responses_total',
    'hubble_drop_total',
    'hubble_flows_processed_total',
    'hubble_icmp_total',
    'hubble_lost_events_total',
    'hubble_port_distribution_total',
    'hubble_tcp_flags_total',
  ])
})

connecting('without the exact ones only those of Hubble are left', () => {
  assert.equal(names(connector({ metrics: ['flow'], exact: false }).made), [
    'hubble_flows_processed_total',
    'hubble_lost_events_total',
  ])
})

connecting('limits hold for each metric, and what they refused is an own metric', async () => {
  const { context, made } = connector({ metrics: [{ name: 'port-distribution', cardinality_limit: 3 }] })
  await made.start()
  made.consume(flowBatch(Array.from({ length: 10 }, (_, i) => ({ ...TCP_SYN, destinationPort: i }))))
  const labels = { connector: 'hubble_metrics', metric: 'hubble_port_distribution_total' }
  assert.is(ownMetric(context, 'fovea_connector_series', labels), 3)
  assert.is(ownMetric(context, 'fovea_connector_overflows_total', labels), 7)
  await made.shutdown()
  assert.is(ownMetric(context, 'fovea_connector_series', labels), 0)
  await made.shutdown()
})

connecting('idle series go after their time, and come back with new flows', async () => {
  const { made } = connector({ metrics: ['flow'], exact: false, series_ttl: 20 })
  const [family] = made.source.families()
  await made.start()
  made.consume(flowBatch([TCP_SYN]))
  assert.is(family?.size, 1)
  await eventually('the series to go', () => family?.size === 0 || undefined)
  made.consume(flowBatch([TCP_SYN]))
  assert.is(family?.size, 1)
  await made.shutdown()
})

connecting.run()
