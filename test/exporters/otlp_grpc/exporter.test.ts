import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Family } from '../../../src/metrics/family.ts'
import { SeriesProducer } from '../../../src/metrics/producer.ts'
import { RefusedError } from '../../../src/pipeline/component.ts'
import { createContext, ownMetric } from '../../support/create-context.ts'
import { eventually } from '../../support/eventually.ts'
import { flowExporter, metricExporter, otlpConfig } from '../../support/exporter-config.ts'
import { flowBatch, TCP_SYN } from '../../support/flows.ts'
import { freePort } from '../../support/free-port.ts'

const LABELS = { exporter: 'otlp_grpc' }
const flows = (count: number) => flowBatch(Array.from({ length: count }, () => TCP_SYN))

/** An address where nobody listens. */
const nowhere = async () => `127.0.0.1:${await freePort()}`

const exporting = suite('otlp_grpc without a backend')

exporting('a full queue refuses, counts what it refused, and takes part of a batch that fits in part', async () => {
  const context = createContext('exporter', 'otlp_grpc')
  const config = otlpConfig(await nowhere())
  const batch = { min_size: 2, max_size: 2, flush_timeout: 60_000 }
  const sending_queue = { ...config.sending_queue, queue_size: 10, sizer: 'items' as const, batch }
  const exporter = flowExporter(context, { ...config, sending_queue })
  await exporter.start()
  exporter.consume(flows(7))
  exporter.consume(flows(7))
  assert.throws(
    () => exporter.consume(flows(7)),
    (error: Error) => error instanceof RefusedError && error.message === 'sending queue is full',
  )
  assert.is(ownMetric(context, 'otelcol_exporter_enqueue_failed_flows', LABELS), 11)
  assert.is(ownMetric(context, 'otelcol_exporter_queue_size', { ...LABELS, data_type: 'flows' }), 10)
  assert.is(ownMetric(context, 'otelcol_exporter_queue_capacity', { ...LABELS, data_type: 'flows' }), 10)
  await exporter.shutdown(Date.now() + 10_000)
  assert.is(ownMetric(context, 'otelcol_exporter_send_failed_flows', LABELS), 10)
  assert.throws(
    () => exporter.consume(flows(1)),
    (error: Error) => error instanceof RefusedError,
  )
})

exporting('what cannot be delivered is counted, and told once', async () => {
  const context = createContext('exporter', 'otlp_grpc')
  const config = otlpConfig(await nowhere())
  const retry_on_failure = { ...config.retry_on_failure, enabled: false }
  const exporter = flowExporter(context, { ...config, retry_on_failure })
  await exporter.start()
  for (const expected of [3, 6, 9]) {
    exporter.consume(flows(3))
    await eventually(
      'the failure',
      () => ownMetric(context, 'otelcol_exporter_send_failed_flows', LABELS) === expected || undefined,
    )
  }
  assert.equal(
    context.lines.map(({ msg }) => msg),
    ['Exporting failed. Dropping data.'],
  )
  assert.equal(
    context.statuses.map(({ at }) => at),
    ['recoverable_error'],
  )
  await exporter.shutdown(Date.now() + 10_000)
  await exporter.shutdown(Date.now() + 10_000)
})

exporting('shutdown ends the waiting for another attempt', async () => {
  const context = createContext('exporter', 'otlp_grpc')
  const config = otlpConfig(await nowhere())
  const retry_on_failure = {
    ...config.retry_on_failure,
    initial_interval: 600_000,
    max_interval: 600_000,
    max_elapsed_time: 0,
  }
  const exporter = flowExporter(context, { ...config, retry_on_failure })
  await exporter.start()
  exporter.consume(flows(3))
  await eventually('the first failure', () => context.statuses.length || undefined)
  await exporter.shutdown(Date.now() + 10_000)
  assert.is(ownMetric(context, 'otelcol_exporter_send_failed_flows', LABELS), 3)
})

exporting('both are shut down safely without a start', async () => {
  const config = otlpConfig(await nowhere())
  await flowExporter(createContext('exporter', 'otlp_grpc'), config).shutdown(0)
  await metricExporter(createContext('exporter', 'otlp_grpc'), config, []).shutdown(0)
})

exporting('a missing certificate file is one clear error', async () => {
  const config = otlpConfig(await nowhere())
  const tls = { ...config.tls, insecure: false, ca_file: '/nowhere/ca.pem' }
  const exporter = flowExporter(createContext('exporter', 'otlp_grpc'), { ...config, tls })
  try {
    await exporter.start()
    assert.unreachable()
  } catch (error) {
    assert.match((error as Error).message, 'failed to load TLS config: ca_file: ENOENT')
  }
  await exporter.shutdown(0)
})

exporting('metric points that cannot be delivered are counted', async () => {
  const context = createContext('exporter', 'otlp_grpc')
  const family = new Family({ name: 'x_total', help: 'x', kind: 'counter' })
  family.add(family.series(), 1)
  const source = { families: () => [family], producer: () => new SeriesProducer(() => [family], 'cumulative') }
  const exporter = metricExporter(context, otlpConfig(await nowhere()), [source])
  await exporter.start()
  await exporter.shutdown(Date.now() + 10_000)
  assert.is(ownMetric(context, 'otelcol_exporter_send_failed_metric_points', LABELS), 1)
})

exporting.run()
