import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type PrometheusConfig, prometheusConfig } from '../../../src/exporters/prometheus/config.ts'
import { PrometheusExporter } from '../../../src/exporters/prometheus/exporter.ts'
import { Family } from '../../../src/metrics/family.ts'
import { SeriesProducer } from '../../../src/metrics/producer.ts'
import type { MetricSource } from '../../../src/metrics/source.ts'
import { defaultsOf } from '../../../src/pipeline/config/decode.ts'
import { createContext } from '../../support/create-context.ts'

function sourceOf(...families: Family[]): MetricSource {
  return { families: () => families, producer: (temporality) => new SeriesProducer(() => families, temporality) }
}

function counter(name: string, value: number): Family {
  const family = new Family({ name, help: 'A counter.', kind: 'counter' })
  family.add(family.series(), value)
  return family
}

function manySeries(count: number): Family {
  const family = new Family({ name: 'many_total', help: 'Many.', kind: 'counter', labels: ['a'], limit: count })
  for (let i = 0; i < count; i++) family.series(`${i}-${'x'.repeat(100)}`)
  return family
}

const running: PrometheusExporter[] = []

async function serve(settings: Partial<PrometheusConfig>, ...sources: MetricSource[]) {
  const config = {
    ...(defaultsOf(prometheusConfig.schema) as unknown as PrometheusConfig),
    endpoint: '127.0.0.1:0',
    ...settings,
  }
  const exporter = new PrometheusExporter(createContext('exporter', 'prometheus'), config, sources)
  running.push(exporter)
  await exporter.start()
  return exporter
}

const get = (exporter: PrometheusExporter, path = '/metrics', init: RequestInit = {}) =>
  fetch(`http://127.0.0.1:${exporter.port}${path}`, init)

const serving = suite('PrometheusExporter')

serving.after.each(async () => {
  for (const exporter of running.splice(0)) await exporter.shutdown(0)
})

serving('answers with the series of all sources, and with its own after the first scrape', async () => {
  const exporter = await serve({}, sourceOf(counter('a_total', 1)), sourceOf(counter('b_total', 2)))
  const first = await get(exporter)
  assert.is(first.status, 200)
  assert.is(first.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8; escaping=underscores')
  assert.match(await first.text(), /^# HELP a_total A counter\.\n# TYPE a_total counter\na_total 1\n# HELP b_total/)
  const second = await (await get(exporter)).text()
  assert.match(second, 'hubble_metrics_http_handler_requests_total{code="200"} 1\n')
  assert.match(second, 'hubble_metrics_http_handler_request_duration_seconds_count{code="200"} 1\n')
})

const refusals = [
  { name: 'another path', path: '/', method: 'GET', status: 404 },
  { name: 'a path below', path: '/metrics/x', method: 'GET', status: 404 },
  { name: 'HEAD', path: '/metrics', method: 'HEAD', status: 405 },
  { name: 'POST', path: '/metrics', method: 'POST', status: 405 },
]
for (const { name, path, method, status } of refusals)
  serving(`refuses ${name} with ${status}`, async () => {
    const exporter = await serve({})
    const response = await get(exporter, path, { method })
    assert.is(response.status, status)
    if (status === 405) assert.is(response.headers.get('allow'), 'GET')
    const again = await (await get(exporter)).text()
    assert.match(again, `hubble_metrics_http_handler_requests_total{code="${status}"} 1\n`)
  })

const PROMETHEUS_ACCEPT =
  'application/openmetrics-text;version=1.0.0;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.2'
const negotiations = [
  { name: 'OpenMetrics when enabled and preferred', enabled: true, accept: PROMETHEUS_ACCEPT, open: true },
  { name: 'text when OpenMetrics is not enabled', enabled: false, accept: PROMETHEUS_ACCEPT, open: false },
  {
    name: 'text when it is preferred',
    enabled: true,
    accept: 'application/openmetrics-text;q=0.1,text/plain;q=0.9',
    open: false,
  },
  { name: 'text when anything will do', enabled: true, accept: '*/*', open: false },
  {
    name: 'text for a version of OpenMetrics not known here',
    enabled: true,
    accept: 'application/openmetrics-text;version=2.0.0',
    open: false,
  },
]
for (const { name, enabled, accept, open } of negotiations)
  serving(`answers in ${name}`, async () => {
    const exporter = await serve({ enable_open_metrics: enabled }, sourceOf(counter('a_total', 1)))
    const response = await get(exporter, '/metrics', { headers: { accept } })
    assert.is(response.headers.get('content-type')?.startsWith('application/openmetrics-text; version=1.0.0'), open)
    assert.is((await response.text()).endsWith('# EOF\n'), open)
  })

serving('compresses with gzip when asked, and only then', async () => {
  const exporter = await serve({}, sourceOf(counter('a_total', 1)))
  const raw = async (encoding: string) => {
    const options = {
      host: '127.0.0.1',
      port: exporter.port,
      path: '/metrics',
      headers: { 'accept-encoding': encoding },
    }
    const [response] = (await once(request(options).end(), 'response')) as [IncomingMessage]
    return { encoding: response.headers['content-encoding'], body: Buffer.concat(await response.toArray()) }
  }
  const packed = await raw('br, gzip')
  assert.is(packed.encoding, 'gzip')
  assert.match(gunzipSync(packed.body).toString(), 'a_total 1\n')
  for (const encoding of ['identity', 'gzip;q=0']) {
    const plain = await raw(encoding)
    assert.is(plain.encoding, undefined)
    assert.match(plain.body.toString(), 'a_total 1\n')
  }
})

serving('a scraper that does not read is cut off, and others are served meanwhile', async () => {
  const exporter = await serve({ write_timeout: 300 }, sourceOf(manySeries(60_000)))
  const slow = connect(exporter.port, '127.0.0.1')
  slow.pause()
  slow.on('error', () => {})
  slow.write('GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n')
  const other = await get(exporter)
  assert.ok((await other.text()).length > 6_000_000)
  const aborted = 'hubble_metrics_http_handler_requests_total{code="aborted"} 1\n'
  let text = ''
  for (let i = 0; i < 200 && !text.includes(aborted); i++) {
    await setTimeout(50)
    text = await (await get(exporter)).text()
  }
  assert.match(text, aborted)
  slow.destroy()
})

serving('more scrapes at once than configured are refused with 503', async () => {
  const exporter = await serve({ max_concurrent_scrapes: 1, write_timeout: 5_000 }, sourceOf(manySeries(60_000)))
  const slow = connect(exporter.port, '127.0.0.1')
  slow.on('error', () => {})
  slow.write('GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n')
  await once(slow, 'readable')
  const response = await get(exporter)
  assert.is(response.status, 503)
  assert.is(response.headers.get('retry-after'), '1')
  slow.destroy()
})

serving('a port in use is one clear error', async () => {
  const first = await serve({})
  const endpoint = `127.0.0.1:${first.port}`
  try {
    await serve({ endpoint })
    assert.unreachable()
  } catch (error) {
    assert.match((error as Error).message, `listen on ${endpoint}: address already in use`)
  }
})

serving('shutdown is safe twice and without start, and ends open connections at the deadline', async () => {
  const exporter = await serve({}, sourceOf(manySeries(60_000)))
  const slow = connect(exporter.port, '127.0.0.1')
  slow.on('error', () => {})
  slow.write('GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n')
  await once(slow, 'readable')
  await exporter.shutdown(Date.now())
  await exporter.shutdown(Date.now())
  slow.destroy()
})

serving.run()
