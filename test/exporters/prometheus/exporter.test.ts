import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { gunzipSync } from 'node:zlib'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type PrometheusConfig, prometheusConfig } from '../../../src/exporters/prometheus/config.ts'
import { PrometheusExporter } from '../../../src/exporters/prometheus/exporter.ts'
import { Family } from '../../../src/metrics/family.ts'
import { SeriesProducer } from '../../../src/metrics/producer.ts'
import type { MetricSource } from '../../../src/metrics/source.ts'
import type { CreateContext } from '../../../src/pipeline/component.ts'
import { defaultsOf } from '../../../src/pipeline/config/decode.ts'
import { createContext, ownMetric } from '../../support/create-context.ts'
import { eventually } from '../../support/eventually.ts'

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
const contexts = new WeakMap<PrometheusExporter, CreateContext>()

async function serve(settings: Partial<PrometheusConfig>, ...sources: MetricSource[]) {
  const config = {
    ...(defaultsOf(prometheusConfig.schema) as unknown as PrometheusConfig),
    endpoint: '127.0.0.1:0',
    ...settings,
  }
  const context = createContext('exporter', 'prometheus')
  const exporter = new PrometheusExporter(context, config, sources)
  contexts.set(exporter, context)
  running.push(exporter)
  await exporter.start()
  return exporter
}

/** A scraper that gets the first bytes of its answer and reads no further. */
async function stalledScrape(exporter: PrometheusExporter): Promise<Socket> {
  const socket = connect(exporter.port, '127.0.0.1')
  socket.on('error', () => {})
  socket.write('GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n')
  await once(socket, 'readable')
  return socket
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
  assert.match(
    await first.text(),
    /^# HELP target_info .+\n.+\ntarget_info\{.*\} 1\n# HELP a_total A counter\.\n# TYPE a_total counter\na_total 1\n# HELP b_total/,
  )
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

for (const enabled of [false, true])
  serving(`answers in ${enabled ? 'OpenMetrics when enabled' : 'text when OpenMetrics is not enabled'}`, async () => {
    const exporter = await serve({ enable_open_metrics: enabled }, sourceOf(counter('a_total', 1)))
    const response = await get(exporter, '/metrics', { headers: { accept: 'application/openmetrics-text' } })
    assert.is(response.headers.get('content-type')?.startsWith('application/openmetrics-text; version=1.0.0'), enabled)
    assert.is((await response.text()).endsWith('# EOF\n'), enabled)
  })

serving('labels, namespace and resource are added to every series', async () => {
  const settings = { const_labels: { a: 'b' }, namespace: 'net', resource_to_telemetry_conversion: { enabled: true } }
  const exporter = await serve({ ...settings, target_info: false }, sourceOf(counter('a_total', 1)))
  const text = await (await get(exporter)).text()
  assert.not.match(text, 'target_info')
  assert.match(text, /^net_a_total\{(.+,)?a="b"\} 1$/m)
  for (const [name, value] of Object.entries(contexts.get(exporter)!.resource))
    assert.match(text, `${name.replaceAll('.', '_')}="${value}"`)
})

serving('names keep their characters where the scraper reads them, and only there', async () => {
  const exporter = await serve({ translation_strategy: 'NoTranslation' }, sourceOf(counter('a.b', 1)))
  const scrape = async (accept: string) => (await get(exporter, '/metrics', { headers: { accept } })).text()
  assert.match(await scrape('text/plain;version=1.0.0;escaping=allow-utf-8'), '{"a.b"} 1\n')
  assert.match(await scrape('text/plain;version=0.0.4'), 'a_b 1\n')
})

serving('times of reading and of beginning are told where asked for', async () => {
  const settings = { send_timestamps: true, enable_open_metrics: true, enable_created_samples: true }
  const exporter = await serve(settings, sourceOf(counter('a_total', 1)))
  const open = await get(exporter, '/metrics', { headers: { accept: 'application/openmetrics-text' } })
  assert.match(await open.text(), /^a_total 1 [\d.]+\na_created [\d.]+ [\d.]+$/m)
  const plain = await (await get(await serve({ enable_open_metrics: true }, sourceOf(counter('a_total', 1))))).text()
  assert.match(plain, /^a_total 1$/m)
})

const mistakes: { settings: Partial<PrometheusConfig>; path: string[] }[] = [
  { settings: { namespace: '1a' }, path: ['namespace'] },
  { settings: { namespace: 'a.b' }, path: ['namespace'] },
  { settings: { const_labels: { __a: 'b' } }, path: ['const_labels', '__a'] },
  { settings: { const_labels: { le: '1' } }, path: ['const_labels', 'le'] },
]
for (const { settings, path } of mistakes)
  serving(`refuses ${JSON.stringify(settings)}`, () => {
    const defaults = defaultsOf(prometheusConfig.schema) as unknown as PrometheusConfig
    assert.equal(prometheusConfig.check?.(defaults), [])
    assert.equal(
      prometheusConfig.check?.({ ...defaults, ...settings }).map((problem) => problem.path),
      [path],
    )
  })

serving('a metric that is left out is counted', async () => {
  const gauge = new Family({ name: 'a_total', help: '', kind: 'gauge' })
  gauge.series()
  const exporter = await serve({}, sourceOf(counter('a_total', 1)), sourceOf(gauge))
  assert.match(await (await get(exporter)).text(), '# TYPE a_total counter\na_total 1\n')
  const labels = { exporter: 'prometheus' }
  assert.is(ownMetric(contexts.get(exporter)!, 'fovea_exporter_left_out_metrics', labels), 1)
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
  // Only the slow one's answer is more than the buffers of a connection take: those of others end at once.
  let families = [manySeries(120_000)]
  const source = { ...sourceOf(), families: () => families }
  const exporter = await serve({ write_timeout: 1_000 }, source)
  const slow = await stalledScrape(exporter)
  const ended = once(slow, 'close')
  families = [counter('small_total', 1)]
  assert.match(await (await get(exporter)).text(), 'small_total 1\n')
  const aborted = 'hubble_metrics_http_handler_requests_total{code="aborted"} 1\n'
  await eventually('the count', async () => (await (await get(exporter)).text()).includes(aborted) || undefined)
  slow.resume()
  await ended
})

serving('more scrapes at once than configured are refused with 503', async () => {
  const exporter = await serve({ max_concurrent_scrapes: 1, write_timeout: 5_000 }, sourceOf(manySeries(120_000)))
  const slow = await stalledScrape(exporter)
  const response = await get(exporter)
  assert.is(response.status, 503)
  assert.is(response.headers.get('retry-after'), '1')
  slow.destroy()
  const refused = 'hubble_metrics_http_handler_requests_total{code="503"} '
  await eventually('the count', async () => (await (await get(exporter)).text()).includes(refused) || undefined)
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
  const exporter = await serve({}, sourceOf(manySeries(120_000)))
  const slow = await stalledScrape(exporter)
  await exporter.shutdown(Date.now())
  await exporter.shutdown(Date.now())
  slow.destroy()
})

serving.run()
