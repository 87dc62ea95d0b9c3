import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createLogger } from '../../src/pipeline/log.ts'
import { OwnLogs } from '../../src/pipeline/otlp/own-logs.ts'
import { createContext, ownMetric } from '../support/create-context.ts'
import { eventually } from '../support/eventually.ts'
import { otlpConfig } from '../support/exporter-config.ts'
import { freePort } from '../support/free-port.ts'
import { Otelcol, plainAttributes } from '../support/otelcol.ts'
import { TemporaryFolder } from '../support/temporary-folder.ts'

const LABELS = { exporter: 'service/logs' }
const settings = (folder: TemporaryFolder) => ({
  level: 'info' as const,
  encoding: 'json' as const,
  output_paths: [folder.at('log')],
  initial_fields: { cluster: 'c1' },
})

const logs = suite("the service's own log over OTLP")
let folder: TemporaryFolder

logs.before.each(() => {
  folder = new TemporaryFolder()
})
logs.after.each(() => folder.remove())

logs('lines arrive with severity, text, fields and errors', async () => {
  const otelcol = await Otelcol.prepare()
  await otelcol.start()
  try {
    const context = createContext('exporter', 'otlp_grpc')
    const own = await OwnLogs.open(otlpConfig(`127.0.0.1:${otelcol.port}`), context.resource, context.telemetry)
    const log = createLogger(settings(folder), [own])
    log.debug('not told')
    log.warn({ err: new TypeError('too small'), flows: 7, filter: { a: 1 } }, 'Data refused')
    log.info('Everything is ready.')
    await own.shutdown(Date.now() + 10_000)
    const records = await eventually('the lines', () => {
      const got = otelcol.logRecords()
      return got.length === 2 ? got : undefined
    })
    const [warning, ready] = records
    const attributes = plainAttributes(warning?.attributes)
    assert.equal([warning?.severityNumber, warning?.severityText], [13, 'WARN'])
    assert.is(warning?.body?.stringValue, 'Data refused')
    assert.is(attributes['exception.type'], 'TypeError')
    assert.is(attributes['exception.message'], 'too small')
    assert.is(attributes.flows, 7)
    assert.is(attributes.filter, '{"a":1}')
    assert.is(attributes.cluster, 'c1')
    assert.equal([ready?.severityNumber, ready?.body?.stringValue], [9, 'Everything is ready.'])
    assert.is(ownMetric(context, 'otelcol_exporter_sent_log_records', LABELS), 2)
  } finally {
    await otelcol.clear()
  }
})

logs('without a backend what waits is bounded, and every line is counted', async () => {
  const context = createContext('exporter', 'otlp_grpc')
  const config = otlpConfig(`127.0.0.1:${await freePort()}`, { timeout: 100 })
  const own = await OwnLogs.open(config, context.resource, context.telemetry)
  const log = createLogger(settings(folder), [own])
  for (let line = 0; line < 3_000; line++) log.info({ line }, 'again')
  await own.shutdown(Date.now() + 2_000)
  const counted = (name: string) => ownMetric(context, `otelcol_exporter_${name}_log_records`, LABELS)
  assert.is(counted('sent'), 0)
  assert.is(counted('enqueue_failed'), 3_000 - 2_048)
  assert.is(counted('send_failed'), 2_048)
})

logs.run()
