import { monitorEventLoopDelay } from 'node:perf_hooks'
import { type PrometheusConfig, prometheusConfig } from '../../src/exporters/prometheus/config.ts'
import { PrometheusExporter } from '../../src/exporters/prometheus/exporter.ts'
import { Family } from '../../src/metrics/family.ts'
import { SeriesProducer } from '../../src/metrics/producer.ts'
import { defaultsOf } from '../../src/pipeline/config/decode.ts'
import { createContext } from '../support/create-context.ts'

/** How long a scrape of 100,000 series takes, and how long it holds other work up meanwhile. */

const SERIES = 100_000
const SCRAPES = 10

function manySeries(): Family {
  const labels = ['source', 'namespace', 'pod', 'port']
  const family = new Family({ name: 'many_total', help: 'Many.', kind: 'counter', labels, limit: SERIES })
  for (let i = 0; i < SERIES; i++) {
    family.add(family.series('source', `namespace-${i % 50}`, `deployment-7d4b9c-${i % 5_000}`, `${i}`), i)
  }
  return family
}

const family = manySeries()
const source = { families: () => [family], producer: () => new SeriesProducer(() => [family], 'cumulative') }
const defaults = defaultsOf(prometheusConfig.schema) as unknown as PrometheusConfig
const exporter = new PrometheusExporter(
  createContext('exporter', 'prometheus'),
  { ...defaults, endpoint: '127.0.0.1:0' },
  [source],
)
await exporter.start()

/** Reads in a thread of its own: parsing the answer here would be measured too. */
const reader = `
const { parentPort, workerData } = require('node:worker_threads')
const { request } = require('node:http')
const get = () => new Promise((resolve) => request(workerData, (response) => response.on('end', resolve).resume()).end())
;(async () => {
  for (let i = 0; i < ${SCRAPES}; i++) await get()
  parentPort.postMessage('done')
})()`

const { Worker } = await import('node:worker_threads')
const table: Record<string, string | number>[] = []
for (const encoding of ['identity', 'gzip']) {
  const headers = { 'accept-encoding': encoding }
  const workerData = { host: '127.0.0.1', port: exporter.port, path: '/metrics', headers }
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  const start = performance.now()
  const worker = new Worker(reader, { eval: true, workerData })
  await new Promise((resolve) => worker.once('message', resolve))
  delay.disable()
  table.push({
    encoding,
    'ms a scrape': Math.round((performance.now() - start) / SCRAPES),
    'loop delay p50, ms': (delay.percentile(50) / 1e6).toFixed(1),
    p99: (delay.percentile(99) / 1e6).toFixed(1),
    max: (delay.max / 1e6).toFixed(1),
  })
}
console.table(table)
await exporter.shutdown(0)
