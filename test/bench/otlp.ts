import { type ChildProcess, spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import type { FlowBatch } from '../../src/flow/batch.ts'
import { EndpointTable } from '../../src/flow/endpoint.ts'
import { Ends } from '../../src/flow/ends.ts'
import { OtlpFlowEncoder } from '../../src/flow/otlp-encode.ts'
import { OtlpRequestEncoder } from '../../src/flow/otlp-request.ts'
import type { OtlpFlowExporter } from '../../src/pipeline/otlp/flow-exporter.ts'
import { createContext, ownMetric, type RecordingContext } from '../support/create-context.ts'
import { eventually } from '../support/eventually.ts'
import { flowExporter, httpFlowExporter, otlpConfig, otlpHttp } from '../support/exporter-config.ts'
import { numberedBatch } from '../support/flow-source.ts'
import { freePort } from '../support/free-port.ts'
import { labelledPods } from '../support/labelled-pods.ts'
import { medianMs } from '../support/median-time.ts'
import { havePeers, peer } from '../support/peers.ts'
import { TemporaryFolder } from '../support/temporary-folder.ts'

/** Cost of flows as OTLP log records: encoding, bytes of a flow, and the way into a real Collector. Prints a table, asserts nothing. */

const ROWS = 8_192
const REQUEST_ROWS = 1_024
const SENT_BATCHES = 60

const results: Record<string, { result: string }> = {}

/** Flows between pods with the labels that pods have. */
function podFlows(table: EndpointTable): FlowBatch {
  const batch = numberedBatch(0, ROWS)
  const ids = labelledPods(table, 64, (i) => ({ nodeName: `node-${i % 8}`, zone: 'eu-1a' }))
  for (let row = 0; row < ROWS; row++) {
    batch.columns.sourceEndpoint[row] = ids[(row * 7) % ids.length]!
    batch.columns.destinationEndpoint[row] = ids[row % ids.length]!
  }
  return batch
}

function encoding(what: string, table: EndpointTable, batch: FlowBatch): void {
  const encoder = new OtlpFlowEncoder(new Ends(table))
  const requests = new OtlpRequestEncoder(
    { 'service.name': 'fovea', 'host.name': 'node-1' },
    { name: 'fovea', version: '' },
  )
  let encoded: Uint8Array[] = []
  const ms = medianMs(50, () => {
    encoder.refresh()
    encoded = []
    for (let row = 0; row < ROWS; row += REQUEST_ROWS) {
      encoded.push(requests.request([encoder.records(batch, row, row + REQUEST_ROWS, 1_700_000_000_000)]))
    }
  })
  const bytes = encoded.reduce((sum, { length }) => sum + length, 0)
  let zipped = 0
  const zipMs = medianMs(5, () => {
    zipped = encoded.reduce((sum, request) => sum + gzipSync(request).length, 0)
  })
  const rate = Math.round((ROWS / ms) * 1_000).toLocaleString('en')
  results[`${what}: encode`] = {
    result: `${rate} flows/s (${((ms / ROWS) * 1_000).toFixed(2)} µs), ${Math.round(bytes / ROWS)} bytes each`,
  }
  results[`${what}: gzip`] = {
    result: `${((zipMs / ROWS) * 1_000).toFixed(2)} µs a flow, ${(zipped / ROWS).toFixed(1)} bytes each`,
  }
}

encoding('addresses alone', new EndpointTable(), numberedBatch(0, ROWS))
const table = new EndpointTable()
encoding('pods at both ends', table, podFlows(table))
if (havePeers('otelcol')) await sending(table)
else results['to a Collector'] = { result: 'skipped: node scripts/build-peers.ts otelcol' }
console.table(results)

/** As fast as a Collector on the same machine takes them: what this process needs of it, all its threads together. */
async function sending(endpoints: EndpointTable): Promise<void> {
  const folder = new TemporaryFolder()
  const ports = [await freePort(), await freePort()] as const
  const collector = await startCollector(folder, ports)
  const batch = podFlows(endpoints)
  const sending_queue = { ...otlpConfig('').sending_queue, block_on_overflow: true }
  for (const compression of ['gzip', 'none'] as const) {
    const settings = { compression, sending_queue }
    await measure(`otlp_grpc, ${compression}`, batch, (context) =>
      flowExporter({ ...context, endpoints }, otlpConfig(`127.0.0.1:${ports[0]}`, settings)),
    )
    await measure(`otlp_http, ${compression}`, batch, (context) =>
      httpFlowExporter({ ...context, endpoints }, otlpHttp(`http://127.0.0.1:${ports[1]}`, settings)),
    )
  }
  collector.kill()
  folder.remove()
}

async function measure(what: string, batch: FlowBatch, build: (context: RecordingContext) => OtlpFlowExporter) {
  const context = createContext('exporter', 'bench')
  const exporter = build(context)
  await exporter.start()
  const start = performance.now()
  const cpu = process.cpuUsage()
  for (let i = 0; i < SENT_BATCHES; i++) await exporter.consume(batch)
  await exporter.shutdown(Date.now() + 120_000)
  const seconds = (performance.now() - start) / 1_000
  const { user, system } = process.cpuUsage(cpu)
  const sent = ownMetric(context, 'otelcol_exporter_sent_flows', { exporter: 'bench' })
  const rate = Math.round(sent / seconds).toLocaleString('en')
  results[`to a Collector: ${what}`] = {
    result: `${rate} flows/s, ${((user + system) / sent).toFixed(2)} µs CPU of this process per flow`,
  }
}

async function startCollector(folder: TemporaryFolder, [grpc, http]: readonly [number, number]): Promise<ChildProcess> {
  const config = folder.at('config.yaml')
  writeFileSync(
    config,
    `receivers: {otlp: {protocols: {grpc: {endpoint: "127.0.0.1:${grpc}"}, http: {endpoint: "127.0.0.1:${http}"}}}}
exporters: {debug: {verbosity: basic}}
service:
  telemetry: {metrics: {level: none}, logs: {level: warn}}
  pipelines: {logs: {receivers: [otlp], exporters: [debug]}}
`,
  )
  const collector = spawn(peer('otelcol'), ['--config', config], { stdio: 'ignore' })
  await eventually('the Collector', async () => (await answers(http)) || undefined)
  return collector
}

async function answers(port: number): Promise<boolean> {
  return fetch(`http://127.0.0.1:${port}/`).then(
    () => true,
    () => false,
  )
}
