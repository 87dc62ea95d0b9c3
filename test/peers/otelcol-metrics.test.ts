import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Kind, Verdict } from '../../src/flow/enums.ts'
import { Family } from '../../src/metrics/family.ts'
import { SeriesProducer } from '../../src/metrics/producer.ts'
import type { MetricSource } from '../../src/metrics/source.ts'
import { defaultsOf } from '../../src/pipeline/config/decode.ts'
import { type HubbleMetricsConfig, hubbleMetricsConfig } from '../../src/processors/hubble_metrics/config.ts'
import { HubbleMetricsConnector } from '../../src/processors/hubble_metrics/connector.ts'
import { createContext, ownMetric } from '../support/create-context.ts'
import { eventually } from '../support/eventually.ts'
import { metricExporter, otlpConfig } from '../support/exporter-config.ts'
import { flowBatch, TCP_SYN } from '../support/flows.ts'
import { Otelcol, type OtlpMetric, plainAttributes } from '../support/otelcol.ts'

const DELTA = 1
const CUMULATIVE = 2

const soon = () => Date.now() + 10_000

function sourceOf(...families: Family[]): MetricSource {
  return { families: () => families, producer: (temporality) => new SeriesProducer(() => families, temporality) }
}

/** Value of the one point of a sum with these attributes, whatever others it has. */
function sumOf(metrics: readonly OtlpMetric[], name: string, attributes: Record<string, unknown>): number | undefined {
  const points = metrics.find((metric) => metric.name === name)?.sum?.dataPoints ?? []
  const found = points.filter((point) => {
    const has = plainAttributes(point.attributes)
    return Object.entries(attributes).every(([key, value]) => has[key] === value)
  })
  assert.is(found.length, 1)
  return found[0]?.asDouble
}

const metrics = suite('otlp_grpc metrics to a real Collector')
let otelcol: Otelcol

metrics.before.each(async () => {
  otelcol = await Otelcol.prepare()
})
metrics.after.each(() => otelcol.clear())

metrics('what hubble_metrics counted arrives with its numbers, units and kinds', async () => {
  await otelcol.start()
  const defaults = defaultsOf(hubbleMetricsConfig.schema) as unknown as HubbleMetricsConfig
  const connector = new HubbleMetricsConnector(createContext('connector', 'hubble_metrics'), defaults)
  await connector.start()
  const context = createContext('exporter', 'otlp_grpc')
  const config = otlpConfig(`127.0.0.1:${otelcol.port}`)
  const exporter = metricExporter(context, config, [connector.source])
  await exporter.start()
  const connect = {
    ...TCP_SYN,
    kind: Kind.TCP_CONNECT,
    verdict: Verdict.TRACED,
    detail: 2_000,
    rttUs: 1_500,
    weight: 2.5,
  }
  connector.consume(flowBatch([{ ...TCP_SYN, packets: 3, bytes: 222 }, TCP_SYN, connect]))
  // The last export comes with the end.
  await exporter.shutdown(soon())
  await connector.shutdown()
  const [exported] = await eventually('the metrics', () =>
    otelcol.exports().length > 0 ? otelcol.exports() : undefined,
  )
  const ends = { source_reserved: 'world', source_namespace: '', destination_reserved: 'world' }
  const at = { observation_point: 'to-stack', protocol: 'TCP', verdict: 'FORWARDED', ...ends }
  assert.is(sumOf(exported!, 'fovea_flow_packets_total', at), 4)
  assert.is(sumOf(exported!, 'fovea_flow_bytes_total', at), 296)
  const type = { protocol: 'TCP', type: 'Trace', subtype: 'to-stack', verdict: 'FORWARDED' }
  assert.is(sumOf(exported!, 'hubble_flows_processed_total', type), 2)
  const bytes = exported!.find(({ name }) => name === 'fovea_flow_bytes_total')
  assert.is(bytes?.unit, 'By')
  assert.is(bytes?.sum?.isMonotonic, true)
  assert.is(bytes?.sum?.aggregationTemporality, CUMULATIVE)
  const rtt = exported!.find(({ name }) => name === 'fovea_tcp_rtt_seconds')?.histogram?.dataPoints[0]
  assert.is(rtt?.count, '3')
  assert.is(rtt?.sum, 0.00375)
  assert.is(rtt?.bucketCounts?.length, rtt!.explicitBounds!.length + 1)
  const points = exported!.flatMap((metric) => (metric.sum ?? metric.histogram ?? metric.gauge)?.dataPoints ?? [])
  assert.is(ownMetric(context, 'otelcol_exporter_sent_metric_points', { exporter: 'otlp_grpc' }), points.length)
})

metrics('deltas add up to what was counted, over a time when the backend was away', async () => {
  const family = new Family({ name: 'x_total', help: 'x', kind: 'counter', labels: ['a'] })
  const context = createContext('exporter', 'otlp_grpc')
  const config = otlpConfig(`127.0.0.1:${otelcol.port}`, {
    timeout: 500,
    metrics: { interval: 500, temporality: 'delta' },
  })
  const exporter = metricExporter(context, config, [sourceOf(family)])
  await exporter.start()
  family.add(family.series('1'), 5)
  const failed = () => ownMetric(context, 'otelcol_exporter_send_failed_metric_points', { exporter: 'otlp_grpc' })
  await eventually('an export to fail', () => failed() || undefined)
  family.add(family.series('1'), 7)
  await otelcol.start()
  await eventually('an export to arrive', () => otelcol.exports().length || undefined)
  family.add(family.series('1'), 11)
  await exporter.shutdown(soon())
  const total = () =>
    otelcol.exports().reduce((sum, exported) => sum + (sumOf(exported, 'x_total', { a: '1' }) ?? 0), 0)
  await eventually('everything', () => total() === 23 || undefined, 10_000)
  const [first] = otelcol.exports()
  assert.is(first?.[0]?.sum?.aggregationTemporality, DELTA)
})

metrics('the overflow series carries its attribute', async () => {
  await otelcol.start()
  const family = new Family({ name: 'x_total', help: 'x', kind: 'counter', labels: ['a'], limit: 1 })
  for (const value of ['1', '2', '3']) family.add(family.series(value), 1)
  const config = otlpConfig(`127.0.0.1:${otelcol.port}`)
  const exporter = metricExporter(createContext('exporter', 'otlp_grpc'), config, [sourceOf(family)])
  await exporter.start()
  await exporter.shutdown(soon())
  const [exported] = await eventually('the metrics', () =>
    otelcol.exports().length > 0 ? otelcol.exports() : undefined,
  )
  assert.is(sumOf(exported!, 'x_total', { 'otel.metric.overflow': true }), 2)
  assert.is(sumOf(exported!, 'x_total', { a: '1' }), 1)
})

metrics('more metrics than a Collector takes at once (4 MiB) arrive, each point once', async () => {
  const series = 20_000
  await otelcol.start()
  const labels = ['source', 'destination', 'protocol']
  const family = new Family({ name: 'x_total', help: 'x', kind: 'counter', labels, limit: series })
  const end = (i: number) => `namespace-of-the-team/some-workload-with-a-name-${i}`.padEnd(100, '.')
  for (let i = 0; i < series; i++) family.add(family.series(end(i), end(-i), 'TCP'), i)
  const context = createContext('exporter', 'otlp_grpc')
  const exporter = metricExporter(context, otlpConfig(`127.0.0.1:${otelcol.port}`), [sourceOf(family)])
  await exporter.start()
  await exporter.shutdown(soon())
  assert.is(ownMetric(context, 'otelcol_exporter_sent_metric_points', { exporter: 'otlp_grpc' }), series)
  const pointsOf = () =>
    otelcol
      .exports()
      .flat()
      .flatMap(({ sum }) => sum?.dataPoints ?? [])
  await eventually('all points', () => pointsOf().length >= series || undefined)
  const values = pointsOf().map(({ asDouble }) => asDouble)
  assert.is(values.length, series)
  assert.is(new Set(values).size, series)
})

metrics.run()
