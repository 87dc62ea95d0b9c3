import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import type { FlowBatch } from '../../src/flow/batch.ts'
import { EndpointTable, endpoint } from '../../src/flow/endpoint.ts'
import { Ends } from '../../src/flow/ends.ts'
import { HubbleEncoder } from '../../src/flow/hubble-encode.ts'
import type { FlowMask } from '../../src/flow/hubble-mask.ts'
import { uuidPrefix } from '../../src/flow/hubble-uuid.ts'
import { CLI_PATHS, flowMask } from '../../src/hubble/field-mask.ts'
import { ownMetric } from '../support/create-context.ts'
import { numberedBatch } from '../support/flow-source.ts'
import { type RunningHubble, startHubble } from '../support/hubble.ts'
import { HubbleClient } from '../support/hubble-client.ts'
import { havePeers, peer } from '../support/peers.ts'

/** Cost of the Hubble API: encoding, searching a full ring, and streaming to followers. Prints a table, asserts nothing. */

const ROWS = 8_192
const FOLLOW_FLOWS = 1_000_000

const results: [string, string][] = []

encoding()
await searching(65_535)
await searching(1_000_000)
await following('raw gRPC client in this process', followWithClient)
if (havePeers('hubble')) await following('hubble observe --follow (compact)', followWithCli)
else results.push(['hubble observe --follow', 'skipped: node scripts/build-peers.ts hubble'])
console.table(Object.fromEntries(results.map(([what, result]) => [what, { result }])))

/** Median of `runs` times of `work`, in ms. */
function median(runs: number, work: () => void): number {
  const times = Array.from({ length: runs }, () => {
    const start = performance.now()
    work()
    return performance.now() - start
  }).sort((a, b) => a - b)
  return times[runs >> 1]!
}

function encoding(): void {
  const emitter = { name: 'Fovea', version: '0' }
  const table = new EndpointTable()
  const encoder = new HubbleEncoder({
    nodeName: 'node-1',
    emitter,
    ends: new Ends(table),
    uuidPrefix: uuidPrefix(randomUUID()),
  })
  const batch = numberedBatch(0, ROWS)
  const ids = pods(table, 64)
  for (let row = 0; row < ROWS; row++) batch.columns.destinationEndpoint[row] = ids[row % ids.length]!
  const masks: [string, FlowMask | undefined][] = [
    ['encode', undefined],
    ["encode with the CLI's default field mask", flowMask(CLI_PATHS)],
    ['encode with a mask of three nested fields', flowMask(['IP.source', 'l4.TCP.flags', 'destination.pod_name'])],
  ]
  for (const [what, mask] of masks) {
    let bytes = 0
    const ms = median(50, () => {
      encoder.refresh()
      bytes = 0
      for (let row = 0; row < ROWS; row++) bytes += encoder.response(batch, row, 1, mask).length
    })
    results.push([what, `${rate(ROWS, ms)} flows/s, ${Math.round(bytes / ROWS)} bytes each`])
  }
}

/** Ids of pods with the labels that pods have. */
function pods(table: EndpointTable, count: number): number[] {
  return Array.from({ length: count }, (_, i) =>
    table.add(
      endpoint({
        identity: 10_000 + i,
        localId: i + 1,
        namespace: 'shop',
        podName: `cart-5d9c7b8f4-${i}`,
        labels: ['k8s:app=cart', 'k8s:io.kubernetes.pod.namespace=shop', `k8s:version=${i}`],
        workloads: [{ name: 'cart', kind: 'Deployment' }],
        clusterName: 'default',
      }),
    ),
  )
}

/** `--last 20` in a full ring in which matches are rare, by the client's clock. */
async function searching(flows: number): Promise<void> {
  const hubble = await startHubble({ max_flows: flows, max_bytes: 2 ** 30 })
  const ids = pods(hubble.endpoints, 1_000)
  for (let from = 0; from < flows; from += ROWS) hubble.exporter.consume(searchedBatch(from, ids))
  const client = new HubbleClient(hubble.server)
  const requests: [string, object][] = [
    ['without filter', {}],
    ['1 match in 4,096, address', { source_ip: ['0.0.0.0/20'] }],
    ['no match, port and verdict', { destination_port: ['81'], verdict: [1] }],
    ['no match, labels', { destination_label: ['app in (x,y),k8s:version'] }],
    ['no match, pod', { destination_pod: ['shop/x'] }],
    ['no match, DNS name', { destination_fqdn: ['*.example.org'] }],
    ['no match, DNS query by regular expression', { dns_query: ['a.*b'] }],
    ['no match, CEL', { experimental: { cel_expression: ['_flow.l4.TCP.destination_port == 81u'] } }],
  ]
  for (const [what, filter] of requests) {
    const times: number[] = []
    for (let run = 0; run < 5; run++) {
      const start = performance.now()
      await client.flows({ number: 20, whitelist: [filter] })
      times.push(performance.now() - start)
    }
    results.push([
      `last 20 of ${flows.toLocaleString('en')}, ${what}`,
      `${times.sort((a, b) => a - b)[2]!.toFixed(1)} ms`,
    ])
  }
  client.close()
  await hubble.stop()
}

/** Flows to pods, or to the world with one of 200 names. */
function searchedBatch(from: number, ids: readonly number[]): FlowBatch {
  const batch = numberedBatch(from, ROWS)
  const { destinationEndpoint, destinationNames } = batch.columns
  for (let row = 0; row < ROWS; row++) {
    if (row % 4 > 0) destinationEndpoint[row] = ids[(from + row) % ids.length]!
    else destinationNames[row] = batch.intern(`host-${row % 200}.example.com`)
  }
  return batch
}

/** A follower reads as fast as it can while the ring holds enough not to overtake it. */
async function following(what: string, follow: (hubble: RunningHubble) => () => void): Promise<void> {
  const hubble = await startHubble({ max_flows: 2 * FOLLOW_FLOWS, max_bytes: 2 ** 30 })
  const stop = follow(hubble)
  while (metric(hubble, 'streams') === 0) await pause()
  for (let from = 0; from < FOLLOW_FLOWS; from += ROWS) hubble.exporter.consume(numberedBatch(from, ROWS))
  const start = performance.now()
  const cpu = process.cpuUsage()
  while (metric(hubble, 'sent_flows') < FOLLOW_FLOWS) await pause()
  const ms = performance.now() - start
  const { user, system } = process.cpuUsage(cpu)
  const own = ((user + system) / FOLLOW_FLOWS).toFixed(1)
  results.push([what, `${rate(FOLLOW_FLOWS, ms)} flows/s, ${own} µs CPU of this process per flow`])
  stop()
  await hubble.stop()
}

function followWithClient(hubble: RunningHubble): () => void {
  const client = new HubbleClient(hubble.server)
  const call = client.stream('observer.Observer', 'GetFlows', { follow: true })
  call.on('data', () => {})
  call.on('error', () => {})
  return () => client.close()
}

function followWithCli(hubble: RunningHubble): () => void {
  const cli = spawn(peer('hubble'), ['--server', hubble.server, 'observe', '--follow'], { stdio: 'ignore' })
  return () => cli.kill()
}

function metric(hubble: RunningHubble, name: string): number {
  return ownMetric(hubble.context, `otelcol_exporter_hubble_${name}`, { exporter: 'hubble' })
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5))
}

function rate(count: number, ms: number): string {
  return Math.round((count / ms) * 1_000).toLocaleString('en')
}
