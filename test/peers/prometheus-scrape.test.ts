import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type PrometheusConfig, prometheusConfig } from '../../src/exporters/prometheus/config.ts'
import { PrometheusExporter } from '../../src/exporters/prometheus/exporter.ts'
import { EventType, FlowType, Kind, L7Type, LostSource, Protocol, Reply, Verdict } from '../../src/flow/enums.ts'
import { Family } from '../../src/metrics/family.ts'
import { SeriesProducer } from '../../src/metrics/producer.ts'
import type { MetricSource } from '../../src/metrics/source.ts'
import { defaultsOf } from '../../src/pipeline/config/decode.ts'
import { type HubbleMetricsConfig, hubbleMetricsConfig } from '../../src/processors/hubble_metrics/config.ts'
import { HubbleMetricsConnector } from '../../src/processors/hubble_metrics/connector.ts'
import { makeCertificates, mutualTls } from '../support/certificates.ts'
import { createContext } from '../support/create-context.ts'
import { eventually } from '../support/eventually.ts'
import { type FlowRow, flowBatch, TCP_SYN } from '../support/flows.ts'
import { checkMetrics, PrometheusServer, type Sample } from '../support/prometheus.ts'

const SOCKET: FlowRow = { ...TCP_SYN, verdict: Verdict.TRACED, eventType: EventType.TRACE_SOCK, packets: 0, bytes: 0 }
const DNS: FlowRow = {
  ...TCP_SYN,
  kind: Kind.DNS,
  type: FlowType.L7,
  eventType: EventType.L7,
  protocol: Protocol.UDP,
  isReply: Reply.YES,
  l7: { type: L7Type.RESPONSE, query: 'a.', types: [1], answerTypes: [1], addresses: ['10.0.0.1'], latencyNs: 3e6 },
}

/** At least one row for every family. */
const ROWS: FlowRow[] = [
  { ...TCP_SYN, packets: 10, bytes: 12_345 },
  { ...TCP_SYN, protocol: Protocol.ICMP, icmpType: 8 },
  {
    ...TCP_SYN,
    kind: Kind.DROP,
    verdict: Verdict.DROPPED,
    eventType: EventType.DROP,
    dropReason: 133,
    dropReasonName: 'NETFILTER_DROP',
  },
  DNS,
  { ...DNS, isReply: Reply.NO, l7: { type: L7Type.REQUEST, query: 'a.', types: [1] } },
  { ...SOCKET, kind: Kind.TCP_CONNECT, detail: 1_500, rttUs: 900 },
  { ...SOCKET, kind: Kind.TCP_RETRANSMIT },
  { ...SOCKET, kind: Kind.TCP_RESET, detail: 1 },
]

/** Label values that text formats must escape. */
function awkward(): MetricSource {
  const family = new Family({
    name: 'awkward_total',
    help: 'With "quotes", \\ and\na new line.',
    kind: 'counter',
    labels: ['a'],
  })
  for (const value of ['', 'a"b', 'c\\d', 'e\nf', 'Größe {x="y"}', '# EOF']) family.add(family.series(value), 1)
  return { families: () => [family], producer: (temporality) => new SeriesProducer(() => [family], temporality) }
}

async function serve(
  settings: Partial<PrometheusConfig>,
): Promise<{ exporter: PrometheusExporter; sources: MetricSource[] }> {
  const defaults = defaultsOf(hubbleMetricsConfig.schema) as unknown as HubbleMetricsConfig
  const connector = new HubbleMetricsConnector(createContext('connector', 'hubble_metrics'), defaults)
  connector.consume(flowBatch(ROWS, [{ source: LostSource.PERF_EVENT_RING_BUFFER, count: 3 }]))
  const config = {
    ...(defaultsOf(prometheusConfig.schema) as unknown as PrometheusConfig),
    endpoint: '127.0.0.1:0',
    ...settings,
  }
  const sources = [connector.source, awkward()]
  const exporter = new PrometheusExporter(createContext('exporter', 'prometheus'), config, sources)
  await exporter.start()
  return { exporter, sources }
}

/** Every sample that the tables hold, as Prometheus names them: `name{sorted labels}` to value. */
function expected(sources: readonly MetricSource[]): Map<string, number> {
  const samples = new Map<string, number>()
  for (const family of sources.flatMap((source) => source.families())) {
    for (const id of family.ids()) {
      const labels = Object.fromEntries((family.labelValues(id) ?? []).map((value, i) => [family.labels[i]!, value]))
      if (family.kind !== 'histogram') {
        samples.set(key(family.name, labels), family.value(id))
        continue
      }
      let total = 0
      family.bucketCounts(id).forEach((count, i) => {
        total += count
        const bound = family.buckets[i]
        const le =
          bound === undefined
            ? '+Inf'
            : Number.isInteger(bound)
              ? `${bound}.0`
              : bound === 0.000_05
                ? '5e-05'
                : String(bound)
        samples.set(key(`${family.name}_bucket`, { ...labels, le }), total)
      })
      samples.set(key(`${family.name}_sum`, labels), family.value(id))
      samples.set(key(`${family.name}_count`, labels), total)
    }
  }
  return samples
}

/** Prometheus drops labels without a value. */
function key(name: string, labels: Record<string, string>): string {
  const kept = Object.entries(labels).filter(([, value]) => value !== '')
  return `${name}${JSON.stringify(kept.sort(([a], [b]) => (a < b ? -1 : 1)))}`
}

function found(samples: readonly Sample[]): Map<string, number> {
  return new Map(
    samples.map(({ metric: { __name__ = '', job: _, instance: __, ...labels }, value }) => [
      key(__name__, labels),
      value,
    ]),
  )
}

const scraping = suite('a real Prometheus')

for (const enable_open_metrics of [false, true])
  scraping(`scrapes every series with its value, in ${enable_open_metrics ? 'OpenMetrics' : 'text'}`, async () => {
    const { exporter, sources } = await serve({ enable_open_metrics })
    const prometheus = new PrometheusServer()
    try {
      await prometheus.start(exporter.port)
      const selector = '{job="fovea",__name__=~"(hubble|fovea|awkward)_.+",__name__!~"hubble_metrics_http.+"}'
      const got = await eventually('series', async () => {
        const samples = await prometheus.query(selector)
        return samples.length > 0 ? found(samples) : undefined
      })
      const want = expected(sources)
      const differing = [...new Set([...got.keys(), ...want.keys()])].filter((name) => got.get(name) !== want.get(name))
      assert.equal(differing, [])
      const name = enable_open_metrics ? 'fovea_flow_bytes' : 'fovea_flow_bytes_total'
      const metadata = await eventually('metadata', () => prometheus.metadata(name))
      assert.is(metadata.type, 'counter')
      assert.is(metadata.unit, enable_open_metrics ? 'bytes' : '')
    } finally {
      await prometheus.stop()
      await exporter.shutdown(0)
    }
  })

scraping('scrapes over TLS', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'fovea-tls-'))
  const certificates = makeCertificates(folder)
  const { ca, cert, key } = certificates
  const tls = mutualTls(certificates)
  const { exporter } = await serve({ tls })
  const prometheus = new PrometheusServer()
  try {
    await prometheus.start(
      exporter.port,
      `scheme: https, tls_config: {ca_file: ${ca}, cert_file: ${cert}, key_file: ${key}}`,
    )
    await eventually('a scrape', async () => {
      const [up] = await prometheus.query('up{job="fovea"}')
      return up?.value === 1 || undefined
    })
  } finally {
    await prometheus.stop()
    await exporter.shutdown(0)
    rmSync(folder, { recursive: true })
  }
})

scraping('promtool finds nothing wrong with the text', async () => {
  const { exporter } = await serve({})
  const text = await (await fetch(`http://127.0.0.1:${exporter.port}/metrics`)).text()
  await exporter.shutdown(0)
  assert.is(checkMetrics(text), '')
})

scraping.run()
