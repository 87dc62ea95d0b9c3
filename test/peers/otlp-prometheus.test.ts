import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Family } from '../../src/metrics/family.ts'
import { SeriesProducer } from '../../src/metrics/producer.ts'
import { createContext, ownMetric } from '../support/create-context.ts'
import { eventually } from '../support/eventually.ts'
import { httpMetricExporter, otlpHttp } from '../support/exporter-config.ts'
import { freePort } from '../support/free-port.ts'
import { PrometheusServer } from '../support/prometheus.ts'

const LABELS = { exporter: 'otlp_http' }

const ingesting = suite("otlp_http to Prometheus' OTLP receiver")

ingesting(
  'counters, gauges and histograms are there under their names, with their numbers and the observer',
  async () => {
    const prometheus = new PrometheusServer()
    try {
      await prometheus.start(await freePort(), 'scheme: http', ['--web.enable-otlp-receiver'])
      const drops = new Family({ name: 'hubble_drop_total', help: 'drops', kind: 'counter', labels: ['reason'] })
      drops.add(drops.series('POLICY_DENIED'), 12)
      drops.add(drops.series('NO_SOCKET'), 3)
      const size = new Family({ name: 'fovea_table_entries', help: 'entries', kind: 'gauge' })
      size.set(size.series(), 77)
      const rtt = new Family({
        name: 'fovea_tcp_rtt_seconds',
        help: 'rtt',
        unit: 's',
        kind: 'histogram',
        buckets: [0.001, 0.01],
      })
      for (const seconds of [0.0005, 0.005, 0.005, 1]) rtt.observe(rtt.series(), seconds)
      const families = () => [drops, size, rtt]
      const source = { families, producer: () => new SeriesProducer(families, 'cumulative') }
      const context = createContext('exporter', 'otlp_http')
      const config = otlpHttp(`http://127.0.0.1:${prometheus.port}/api/v1/otlp`)
      const exporter = httpMetricExporter(context, config, [source])
      await exporter.start()
      await exporter.shutdown(Date.now() + 10_000)
      assert.is(ownMetric(context, 'otelcol_exporter_sent_metric_points', LABELS), 4)
      const value = async (query: string) => (await prometheus.query(query))[0]?.value
      await eventually(
        'the counter',
        async () => (await value('hubble_drop_total{reason="NO_SOCKET"}')) === 3 || undefined,
      )
      assert.is(await value('hubble_drop_total{reason="POLICY_DENIED"}'), 12)
      assert.is(await value('sum(hubble_drop_total)'), 15)
      assert.is(await value('fovea_table_entries'), 77)
      assert.is(await value('fovea_tcp_rtt_seconds_count'), 4)
      assert.is(await value('fovea_tcp_rtt_seconds_bucket{le="0.01"}'), 3)
      const [sample] = await prometheus.query('hubble_drop_total')
      assert.is(sample?.metric.job, 'fovea')
      assert.is(sample?.metric.instance, 'test')
    } finally {
      await prometheus.stop()
    }
  },
)

ingesting.run()
