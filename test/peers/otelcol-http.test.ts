import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { OtlpHttpConfig } from '../../src/exporters/otlp_http/config.ts'
import { Family } from '../../src/metrics/family.ts'
import { SeriesProducer } from '../../src/metrics/producer.ts'
import type { OtlpFlowExporter } from '../../src/pipeline/otlp/flow-exporter.ts'
import { makeCertificates } from '../support/certificates.ts'
import { createContext, ownMetric, type RecordingContext } from '../support/create-context.ts'
import { eventually } from '../support/eventually.ts'
import { httpFlowExporter, httpMetricExporter, otlpHttp } from '../support/exporter-config.ts'
import { flowBatch, TCP_SYN } from '../support/flows.ts'
import { Otelcol, plainAttributes } from '../support/otelcol.ts'

const LABELS = { exporter: 'otlp_http' }

async function exporting(config: OtlpHttpConfig): Promise<{ exporter: OtlpFlowExporter; context: RecordingContext }> {
  const context = createContext('exporter', 'otlp_http')
  const exporter = httpFlowExporter(context, config)
  await exporter.start()
  return { exporter, context }
}

const soon = () => Date.now() + 10_000

const http = suite('otlp_http to a real Collector')
let otelcol: Otelcol

http.before.each(async () => {
  otelcol = await Otelcol.prepare()
})
http.after.each(() => otelcol.clear())

for (const compression of ['gzip', 'zstd', 'none'] as const)
  http(`every flow arrives once, with its numbers (${compression})`, async () => {
    await otelcol.start()
    const { exporter, context } = await exporting(otlpHttp(`http://127.0.0.1:${otelcol.httpPort}`, { compression }))
    for (let batch = 0; batch < 3; batch++) {
      const rows = Array.from({ length: 1_500 }, (_, i) => ({ ...TCP_SYN, bytes: batch * 1_500 + i + 1 }))
      exporter.consume(flowBatch(rows))
    }
    await exporter.shutdown(soon())
    const records = await eventually('the records', () => {
      const got = otelcol.logRecords()
      return got.length >= 4_500 ? got : undefined
    })
    const bytes = records.map(({ attributes }) => Number(plainAttributes(attributes)['flow.bytes']))
    assert.equal(
      bytes.sort((a, b) => a - b),
      Array.from({ length: 4_500 }, (_, i) => i + 1),
    )
    assert.is(ownMetric(context, 'otelcol_exporter_sent_flows', LABELS), 4_500)
    assert.is(ownMetric(context, 'otelcol_exporter_send_failed_flows', LABELS), 0)
  })

http('metrics arrive with their numbers', async () => {
  await otelcol.start()
  const family = new Family({ name: 'x_total', help: 'x', kind: 'counter', labels: ['a'] })
  family.add(family.series('1'), 5)
  family.add(family.series('2'), 0.5)
  const source = { families: () => [family], producer: () => new SeriesProducer(() => [family], 'cumulative') }
  const context = createContext('exporter', 'otlp_http')
  const exporter = httpMetricExporter(context, otlpHttp(`http://127.0.0.1:${otelcol.httpPort}/`), [source])
  await exporter.start()
  await exporter.shutdown(soon())
  const [exported] = await eventually('the metrics', () =>
    otelcol.exports().length > 0 ? otelcol.exports() : undefined,
  )
  const points = exported?.[0]?.sum?.dataPoints ?? []
  assert.equal(
    points.map(({ attributes, asDouble }) => [plainAttributes(attributes), asDouble]),
    [
      [{ a: '1' }, 5],
      [{ a: '2' }, 0.5],
    ],
  )
  assert.is(ownMetric(context, 'otelcol_exporter_sent_metric_points', LABELS), 2)
})

http('over TLS: with the right authority and name, and not without', async () => {
  const certificates = makeCertificates(otelcol.folder, ['backend.example'])
  const secure = await Otelcol.prepare(certificates, otelcol.folder)
  await secure.start()
  const endpoint = `https://localhost:${secure.httpPort}`
  const tls = { ...otlpHttp('').tls, ca_file: certificates.ca }
  const retry_on_failure = { ...otlpHttp('').retry_on_failure, enabled: false }
  try {
    const named = await exporting(otlpHttp(endpoint, { tls: { ...tls, server_name_override: 'backend.example' } }))
    named.exporter.consume(flowBatch([TCP_SYN]))
    await eventually('the record', () => secure.logRecords().length || undefined)
    await named.exporter.shutdown(soon())
    const wrong = await exporting(otlpHttp(endpoint, { tls, retry_on_failure }))
    wrong.exporter.consume(flowBatch([TCP_SYN, TCP_SYN]))
    await eventually(
      'the failure',
      () => ownMetric(wrong.context, 'otelcol_exporter_send_failed_flows', LABELS) || undefined,
    )
    assert.is(ownMetric(wrong.context, 'otelcol_exporter_send_failed_flows', LABELS), 2)
    await wrong.exporter.shutdown(soon())
    assert.is(secure.logRecords().length, 1)
  } finally {
    await secure.stop()
  }
})

http('a URL that serves something else is a permanent error that says what was answered', async () => {
  await otelcol.start()
  const logs_endpoint = `http://127.0.0.1:${otelcol.httpPort}/v1/nothing`
  const { exporter, context } = await exporting(otlpHttp('', { logs_endpoint }))
  exporter.consume(flowBatch([TCP_SYN]))
  await eventually('the failure', () => ownMetric(context, 'otelcol_exporter_send_failed_flows', LABELS) || undefined)
  const [line] = context.lines as unknown as { msg: string; err: string }[]
  assert.is(line?.msg, 'Exporting failed. Dropping data.')
  assert.match(line?.err ?? '', /the server answered 404/)
  await exporter.shutdown(soon())
})

http.run()
