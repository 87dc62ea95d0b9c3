import { createHistogram, monitorEventLoopDelay } from 'node:perf_hooks'
import { Worker } from 'node:worker_threads'
import { type PrometheusConfig, prometheusConfig } from '../../src/exporters/prometheus/config.ts'
import { PrometheusExporter } from '../../src/exporters/prometheus/exporter.ts'
import type { FlowBatch } from '../../src/flow/batch.ts'
import { Family } from '../../src/metrics/family.ts'
import { SeriesProducer } from '../../src/metrics/producer.ts'
import { defaultsOf } from '../../src/pipeline/config/decode.ts'
import { type HubbleMetricsConfig, hubbleMetricsConfig } from '../../src/processors/hubble_metrics/config.ts'
import { HubbleMetricsConnector } from '../../src/processors/hubble_metrics/connector.ts'
import { createContext } from '../support/create-context.ts'
import { flowBatch, TCP_SYN } from '../support/flows.ts'

/**
 * How long a scrape of 100,000 series takes, and how long it holds flows up meanwhile: 100,000 a second are counted by
 * the default metrics, in batches every 10 ms. The first line is without scrapes, to compare with. CPU is that of the main thread, what the flows take
 * left out: unlike times it does not depend on what else runs.
 */

const SERIES = 100_000
const SCRAPES = 20
const FLOWS_PER_SECOND = 100_000
const BATCH_MS = 10

const OPEN_METRICS = 'application/openmetrics-text;version=1.0.0'

function manySeries(): Family {
  const labels = ['source', 'namespace', 'pod', 'port']
  const family = new Family({ name: 'many_total', help: 'Many.', kind: 'counter', labels, limit: SERIES })
  for (let i = 0; i < SERIES; i++) {
    const id = family.series('source', `namespace-${i % 50}`, `deployment-7d4b9c-${i % 5_000}`, `${i}`)
    family.add(id, i)
    family.exemplar(id, '4bf92f3577b34da6a3ce929d0e0e4736', 1, 1_700_000_000_000)
  }
  return family
}

/** Flows as 200 pods make them. */
function flows(): FlowBatch {
  const rows = (FLOWS_PER_SECOND * BATCH_MS) / 1_000
  return flowBatch(Array.from({ length: rows }, (_, i) => ({ ...TCP_SYN, destinationPort: 1_000 + (i % 200) })))
}

/** Counts flows at their rate; `late` gets how long after its time each batch came, in microseconds. */
class Load {
  readonly late = createHistogram()
  flows = 0
  readonly #batch = flows()
  readonly #connector: HubbleMetricsConnector
  readonly #startMs = performance.now()
  #batches = 0
  #timer: NodeJS.Timeout | undefined

  constructor(connector: HubbleMetricsConnector) {
    this.#connector = connector
    this.#next()
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  #next(): void {
    const dueMs = this.#startMs + ++this.#batches * BATCH_MS
    this.#timer = setTimeout(
      () => {
        this.late.record(Math.max(1, Math.round((performance.now() - dueMs) * 1_000)))
        this.#connector.consume(this.#batch)
        this.flows += this.#batch.length
        this.#next()
      },
      Math.max(0, dueMs - performance.now()),
    )
  }
}

/** Reads in a thread of its own: parsing the answer here would be measured too. Answers with the bytes of one scrape. */
const reader = `
const { parentPort, workerData: { scrapes, ...to } } = require('node:worker_threads')
const { request } = require('node:http')
const get = () => new Promise((resolve) => {
  let bytes = 0
  request(to, (response) => response.on('data', (data) => { bytes += data.length }).on('end', () => resolve(bytes))).end()
})
;(async () => {
  let bytes = 0
  for (let i = 0; i < scrapes; i++) bytes = await get()
  parentPort.postMessage(bytes)
})()`

async function scrape(port: number, headers: Readonly<Record<string, string>>): Promise<number> {
  const workerData = { host: '127.0.0.1', port, path: '/metrics', headers, scrapes: SCRAPES }
  const worker = new Worker(reader, { eval: true, workerData })
  return await new Promise<number>((resolve) => worker.once('message', resolve))
}

const idle = () => new Promise<number>((resolve) => setTimeout(() => resolve(0), 2_000))

const connector = new HubbleMetricsConnector(
  createContext('connector', 'hubble_metrics'),
  defaultsOf(hubbleMetricsConfig.schema) as unknown as HubbleMetricsConfig,
)
const family = manySeries()
const source = { families: () => [family], producer: () => new SeriesProducer(() => [family], 'cumulative') }
const defaults = defaultsOf(prometheusConfig.schema) as unknown as PrometheusConfig
const exporter = new PrometheusExporter(
  createContext('exporter', 'prometheus'),
  { ...defaults, endpoint: '127.0.0.1:0', enable_open_metrics: true },
  [connector.source, source],
)
await exporter.start()

const variants: { name: string; work: () => Promise<number> }[] = [
  { name: 'no scrape', work: idle },
  { name: 'text', work: () => scrape(exporter.port, {}) },
  { name: 'text, gzip', work: () => scrape(exporter.port, { 'accept-encoding': 'gzip' }) },
  {
    name: 'OpenMetrics with exemplars, gzip',
    work: () => scrape(exporter.port, { accept: OPEN_METRICS, 'accept-encoding': 'gzip' }),
  },
]
const table: Record<string, string | number>[] = []
/** CPU of this thread a ms, for the flows alone. */
let flowsCpu = 0
for (const { name, work } of variants) {
  const load = new Load(connector)
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  const startMs = performance.now()
  const startCpu = process.threadCpuUsage()
  const bytes = await work()
  const { user, system } = process.threadCpuUsage(startCpu)
  const tookMs = performance.now() - startMs
  const cpuMs = (user + system) / 1e3
  if (bytes === 0) flowsCpu = cpuMs / tookMs
  delay.disable()
  load.stop()
  table.push({
    scrape: name,
    ms: bytes === 0 ? '' : Math.round(tookMs / SCRAPES),
    'CPU ms': bytes === 0 ? '' : Math.round((cpuMs - flowsCpu * tookMs) / SCRAPES),
    MB: bytes === 0 ? '' : (bytes / 1e6).toFixed(1),
    'flows/s': Math.round((load.flows / tookMs) * 1_000),
    'loop delay p99, ms': (delay.percentile(99) / 1e6).toFixed(1),
    max: (delay.max / 1e6).toFixed(1),
    'batch late p50, ms': (load.late.percentile(50) / 1e3).toFixed(1),
    p99: (load.late.percentile(99) / 1e3).toFixed(1),
  })
}
console.table(table)
await exporter.shutdown(0)
