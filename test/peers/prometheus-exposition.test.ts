import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type PrometheusConfig, prometheusConfig } from '../../src/exporters/prometheus/config.ts'
import { PrometheusExporter } from '../../src/exporters/prometheus/exporter.ts'
import { EndpointTable } from '../../src/flow/endpoint.ts'
import { Family, type FamilyOptions } from '../../src/metrics/family.ts'
import { SeriesProducer } from '../../src/metrics/producer.ts'
import type { MetricSource } from '../../src/metrics/source.ts'
import { defaultsOf } from '../../src/pipeline/config/decode.ts'
import { type HubbleMetricsConfig, hubbleMetricsConfig } from '../../src/processors/hubble_metrics/config.ts'
import { HubbleMetricsConnector } from '../../src/processors/hubble_metrics/connector.ts'
import { makeCertificates, mutualTls } from '../support/certificates.ts'
import { createContext, ownMetric } from '../support/create-context.ts'
import { eventually } from '../support/eventually.ts'
import { foreignBatch } from '../support/foreign-batch.ts'
import { PrometheusServer } from '../support/prometheus.ts'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'

function family(options: Partial<FamilyOptions>): Family {
  return new Family({ name: 'x_total', help: 'Help.', kind: 'counter', ...options })
}

function sourceOf(...families: Family[]): MetricSource {
  return { families: () => families, producer: (temporality) => new SeriesProducer(() => families, temporality) }
}

interface Served {
  prometheus: PrometheusServer
  context: ReturnType<typeof createContext>
}

/** An exporter of these sources and a Prometheus that scrapes it, for as long as `use` takes. */
async function scraped(
  sources: readonly MetricSource[],
  { settings = {}, scrape, flags = [] }: { settings?: Partial<PrometheusConfig>; scrape?: string; flags?: string[] },
  use: (served: Served) => Promise<void>,
): Promise<void> {
  const defaults = defaultsOf(prometheusConfig.schema) as unknown as PrometheusConfig
  const context = createContext('exporter', 'prometheus')
  const config = { ...defaults, endpoint: '127.0.0.1:0', ...settings }
  const exporter = new PrometheusExporter(context, config, sources)
  const prometheus = new PrometheusServer()
  try {
    await exporter.start()
    await prometheus.start(exporter.port, scrape, flags)
    await use({ prometheus, context })
  } finally {
    await prometheus.stop()
    await exporter.shutdown(0)
  }
}

const exposition = suite('a real Prometheus and the exposition')

exposition('keeps exemplars of counters and of the buckets they fell into', async () => {
  const nowMs = Date.now()
  const counter = family({ labels: ['l'] })
  counter.add(counter.series('a'), 3)
  counter.exemplar(counter.series('a'), TRACE, 3, nowMs)
  const histogram = family({ name: 'h_seconds', kind: 'histogram', unit: 's', buckets: [0.5, 2] })
  histogram.observe(histogram.series(), 1.25)
  histogram.exemplar(histogram.series(), 'trace of the bucket', 1.25, nowMs - 5)
  const settings = { enable_open_metrics: true, enable_created_samples: true }
  await scraped(
    [sourceOf(counter, histogram)],
    { settings, flags: ['--enable-feature=exemplar-storage'] },
    async (served) => {
      const [of] = await eventually('the exemplar of the counter', async () => {
        const found = await served.prometheus.exemplars('x_total')
        return found.length > 0 ? found : undefined
      })
      assert.is(of?.series.l, 'a')
      assert.equal([of?.traceId, of?.value, of?.timeMs], [TRACE, 3, nowMs])
      const buckets = await served.prometheus.exemplars('h_seconds_bucket')
      assert.equal(
        buckets.map(({ series, traceId, value, timeMs }) => [series.le, traceId, value, timeMs]),
        [['2.0', 'trace of the bucket', 1.25, nowMs - 5]],
      )
      assert.is(await served.prometheus.scrapeError(), '')
    },
  )
})

exposition('leads from the latency of HTTP requests to the trace of one', async () => {
  const table = new EndpointTable()
  const context = Object.assign(createContext('connector', 'hubble_metrics'), { endpoints: table })
  const defaults = defaultsOf(hubbleMetricsConfig.schema) as unknown as HubbleMetricsConfig
  const connector = new HubbleMetricsConnector(context, { ...defaults, metrics: ['httpV2:exemplars=true'] })
  const seconds = Math.floor(Date.now() / 1_000)
  const response = {
    event_type: { type: 129 },
    traffic_direction: 2,
    time: { seconds, nanos: 500_000_000 },
    l7: { type: 2, latency_ns: 30_000_000, http: { code: 200, method: 'GET', protocol: 'HTTP/1.1', url: 'http://a/' } },
    trace_context: { parent: { trace_id: TRACE } },
  }
  connector.consume(foreignBatch(table, [response]))
  const flags = ['--enable-feature=exemplar-storage']
  await scraped([connector.source], { settings: { enable_open_metrics: true }, flags }, async ({ prometheus }) => {
    const [found] = await eventually('the trace', async () => {
      const exemplars = await prometheus.exemplars('hubble_http_request_duration_seconds_bucket')
      return exemplars.length > 0 ? exemplars : undefined
    })
    assert.equal([found?.traceId, found?.value, found?.timeMs], [TRACE, 0.03, seconds * 1_000 + 500])
    const [counted] = await prometheus.exemplars('hubble_http_requests_total')
    assert.equal([counted?.traceId, counted?.series.status], [TRACE, '200'])
  })
})

exposition('reads over TLS with a password, and is refused with a wrong one', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'fovea-auth-'))
  const password = join(folder, 'password')
  const wrong = join(folder, 'wrong')
  writeFileSync(password, 'se"cret: größe\n')
  writeFileSync(wrong, 'secret')
  const certificates = makeCertificates(folder)
  const { ca, cert, key } = certificates
  const tlsConfig = `tls_config: {ca_file: ${ca}, cert_file: ${cert}, key_file: ${key}}`
  const scrape = (file: string) =>
    `scheme: https, ${tlsConfig}, basic_auth: {username: prometheus, password_file: ${file}}`
  const settings = {
    tls: mutualTls(certificates),
    auth: { basic: { enabled: true, username: 'prometheus', password_file: password } },
  }
  const counter = family({})
  counter.add(counter.series(), 5)
  try {
    await scraped([sourceOf(counter)], { settings, scrape: scrape(password) }, async ({ prometheus }) => {
      const [sample] = await eventually('a sample', async () => {
        const found = await prometheus.query('x_total')
        return found.length > 0 ? found : undefined
      })
      assert.is(sample?.value, 5)
    })
    await scraped([sourceOf(counter)], { settings, scrape: scrape(wrong) }, async ({ prometheus, context }) => {
      assert.match(await eventually('a refusal', () => prometheus.scrapeError()), '401 Unauthorized')
      const labels = {
        otelcol_component_kind: 'exporter',
        otelcol_component_id: 'prometheus',
        cause: 'unauthenticated',
      }
      assert.ok(ownMetric(context, 'fovea_server_refused_requests', labels) > 0)
    })
  } finally {
    rmSync(folder, { recursive: true })
  }
})

exposition('no longer finds a series that was removed, while others go on', async () => {
  const counter = family({ labels: ['l'] })
  for (const value of ['goes', 'stays']) counter.add(counter.series(value), 1)
  await scraped([sourceOf(counter)], {}, async ({ prometheus }) => {
    const labels = async () => (await prometheus.query('x_total')).map(({ metric }) => metric.l).sort()
    await eventually('both', async () => (await labels()).length === 2 || undefined)
    counter.remove(counter.series('goes'))
    // Far less than the five minutes after which Prometheus gives up a series that just is not told any more.
    const left = await eventually('the end of one', async () => {
      const found = await labels()
      return found.length === 1 ? found : undefined
    })
    assert.equal(left, ['stays'])
  })
})

exposition('reads names and values of any characters', async () => {
  const values = ['\0', '\r', '\u0001', '\u2028', '😀', 'lone \ud800 half', 'a\\n"b"']
  const metric = family({ name: 'größe.in.by', unit: 'By', labels: ['label.name'] })
  for (const value of values) metric.add(metric.series(value), 1)
  for (const enable_open_metrics of [false, true]) {
    const settings = { enable_open_metrics, translation_strategy: 'NoUTF8EscapingWithSuffixes' } as const
    await scraped([sourceOf(metric)], { settings }, async ({ prometheus }) => {
      assert.is(await eventually('a scrape', () => prometheus.scrapeError()), '')
      const found = await eventually('samples', async () => {
        const samples = await prometheus.query('{"größe.in.by_bytes_total"}')
        return samples.length > 0 ? samples : undefined
      })
      assert.equal(
        found.map(({ metric }) => metric['label.name']).sort(),
        values.map((value) => value.toWellFormed()).sort(),
      )
    })
  }
})

exposition.run()
