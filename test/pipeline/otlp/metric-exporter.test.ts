import { setTimeout } from 'node:timers/promises'
import type { ResourceMetrics } from '@opentelemetry/sdk-metrics'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Family } from '../../../src/metrics/family.ts'
import { SeriesProducer } from '../../../src/metrics/producer.ts'
import { type Answer, TAKEN } from '../../../src/pipeline/otlp/answer.ts'
import { type MetricLink, OtlpMetricExporter } from '../../../src/pipeline/otlp/metric-exporter.ts'
import { createContext } from '../../support/create-context.ts'
import { eventually } from '../../support/eventually.ts'
import { otlpConfig } from '../../support/exporter-config.ts'

const INTERVAL_MS = 100

/** A way to a backend that answers the first request late, and not well; it adds up what it takes. */
class LateLink implements MetricLink {
  requests = 0
  sum = 0
  readonly scopes = new Set<string>()

  async send({ scopeMetrics }: ResourceMetrics): Promise<Answer> {
    if (++this.requests === 1) {
      await setTimeout(2.5 * INTERVAL_MS)
      return { outcome: 'failed', error: new Error('late'), passing: true }
    }
    for (const { scope, metrics } of scopeMetrics) {
      this.scopes.add(`${scope.name} ${scope.version}`)
      for (const { dataPoints } of metrics) for (const { value } of dataPoints) this.sum += value as number
    }
    return TAKEN
  }

  close(): void {}
}

const test = suite('the exporter of metrics')

test('deltas add up although an answer comes after the time of the next export', async () => {
  const family = new Family({ name: 'x_total', help: 'x', kind: 'counter' })
  const source = {
    families: () => [family],
    producer: (temporality: 'cumulative' | 'delta') => new SeriesProducer(() => [family], temporality),
  }
  const link = new LateLink()
  const config = otlpConfig('', {
    timeout: INTERVAL_MS,
    metrics: { interval: INTERVAL_MS, temporality: 'delta' },
  })
  const exporter = new OtlpMetricExporter(createContext('exporter', 'otlp_grpc'), config, [source], async () => link)
  await exporter.start()
  let counted = 0
  const count = () => {
    family.add(family.series(), 1)
    counted++
  }
  count()
  await eventually('the first export', () => link.requests || undefined)
  while (link.requests < 4) {
    count()
    await setTimeout(INTERVAL_MS / 10)
  }
  await exporter.shutdown(Date.now() + 5_000)
  assert.is(link.sum, counted)
  // As that of flows.
  assert.equal([...link.scopes], ['fovea 0.0.0'])
})

test.run()
