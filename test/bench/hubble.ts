import { fork, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import type { FlowBatch } from '../../src/flow/batch.ts'
import { EndpointTable } from '../../src/flow/endpoint.ts'
import { Ends } from '../../src/flow/ends.ts'
import { HubbleEncoder } from '../../src/flow/hubble-encode.ts'
import type { FlowMask } from '../../src/flow/hubble-mask.ts'
import { uuidPrefix } from '../../src/flow/hubble-uuid.ts'
import { CLI_PATHS, flowMask } from '../../src/hubble/field-mask.ts'
import { root } from '../support/checkout.ts'
import { ownMetric } from '../support/create-context.ts'
import { numberedBatch } from '../support/flow-source.ts'
import { type RunningHubble, startHubble } from '../support/hubble.ts'
import { HubbleClient } from '../support/hubble-client.ts'
import { labelledPods } from '../support/labelled-pods.ts'
import { LoadClients } from '../support/load-clients.ts'
import { LOAD_FILTERS } from '../support/load-flows.ts'
import { LoadedHubble } from '../support/loaded-hubble.ts'
import { medianMs } from '../support/median-time.ts'
import { havePeers, peer } from '../support/peers.ts'

/** Cost of the Hubble API: encoding, searching a full ring, and streaming to followers. Prints a table, asserts nothing. */

const ROWS = 8_192
const FOLLOW_FLOWS = 1_000_000
const LOAD_SECONDS = 10

const results: [string, string][] = []

encoding()
await searching(65_535)
await searching(1_000_000)
await following('one follower (another process)', FOLLOW_FLOWS, followRaw(1))
await following('ten followers (another process), all together', FOLLOW_FLOWS, followRaw(10))
await following('grpc-js client in this process', FOLLOW_FLOWS, followWithClient)
await loaded()
if (havePeers('hubble')) await following('hubble observe --follow (compact)', FOLLOW_FLOWS, followWithCli)
else results.push(['hubble observe --follow', 'skipped: node scripts/build-peers.ts hubble'])
console.table(Object.fromEntries(results.map(([what, result]) => [what, { result }])))

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
  const ids = labelledPods(table, 64)
  for (let row = 0; row < ROWS; row++) batch.columns.destinationEndpoint[row] = ids[row % ids.length]!
  const masks: [string, FlowMask | undefined][] = [
    ['encode', undefined],
    ["encode with the CLI's default field mask", flowMask(CLI_PATHS)],
    ['encode with a mask of three nested fields', flowMask(['IP.source', 'l4.TCP.flags', 'destination.pod_name'])],
  ]
  for (const [what, mask] of masks) {
    let bytes = 0
    const ms = medianMs(50, () => {
      encoder.refresh()
      bytes = 0
      for (let row = 0; row < ROWS; row++) bytes += encoder.response(batch, row, 1, mask).length
    })
    results.push([what, `${rate(ROWS, ms)} flows/s, ${Math.round(bytes / ROWS)} bytes each`])
  }
}

/** `--last 20` in a full ring in which matches are rare, by the client's clock. */
async function searching(flows: number): Promise<void> {
  const hubble = await startHubble({ max_flows: flows, max_bytes: 2 ** 30 })
  const ids = labelledPods(hubble.endpoints, 1_000)
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

/** What 42 clients with filters of their own cost while 50,000 flows a second come in. */
async function loaded(): Promise<void> {
  const hubble = await LoadedHubble.start()
  const filters = LOAD_FILTERS.slice(0, 42).map((_, client) => client)
  const clients = new LoadClients(hubble.server, filters)
  while ((await hubble.state()).streams < filters.length) await pause()
  const { sent, cpuSeconds } = await hubble.flood(50_000, LOAD_SECONDS)
  const { sent: delivered, rssMiB } = await hubble.state()
  results.push([
    '42 filtered followers at 50,000 flows/s',
    `${rate(delivered, LOAD_SECONDS * 1_000)} flows/s out, ${((100 * cpuSeconds) / LOAD_SECONDS).toFixed(0)} % of a core,` +
      ` ${((cpuSeconds * 1e9) / (sent * filters.length)).toFixed(0)} ns a flow and filter, ${rssMiB.toFixed(0)} MiB resident`,
  ])
  await clients.stop()
  await hubble.stop()
}

interface Followers {
  count: number
  stop(): void
}

/** Followers read as fast as they can while the ring holds enough not to overtake them. @param flows of all together */
async function following(what: string, flows: number, follow: (hubble: RunningHubble) => Followers): Promise<void> {
  const hubble = await startHubble({ max_flows: 2 * FOLLOW_FLOWS, max_bytes: 2 ** 30 })
  const { count, stop } = follow(hubble)
  while (metric(hubble, 'streams') < count) await pause()
  for (let from = 0; from < flows / count; from += ROWS) hubble.exporter.consume(numberedBatch(from, ROWS))
  const start = performance.now()
  const cpu = process.cpuUsage()
  while (metric(hubble, 'sent_flows') < flows) await pause()
  const ms = performance.now() - start
  const { user, system } = process.cpuUsage(cpu)
  const own = ((user + system) / flows).toFixed(1)
  results.push([what, `${rate(flows, ms)} flows/s, ${own} µs CPU of this process per flow`])
  stop()
  await hubble.stop()
}

function followRaw(count: number): (hubble: RunningHubble) => Followers {
  return ({ server }) => {
    const followers = fork(join(root, 'test/support/raw-followers-process.ts'), [server, String(count)])
    return { count, stop: () => followers.disconnect() }
  }
}

function followWithClient(hubble: RunningHubble): Followers {
  const client = new HubbleClient(hubble.server)
  const call = client.stream('observer.Observer', 'GetFlows', { follow: true })
  call.on('data', () => {})
  call.on('error', () => {})
  return { count: 1, stop: () => client.close() }
}

function followWithCli(hubble: RunningHubble): Followers {
  const cli = spawn(peer('hubble'), ['--server', hubble.server, 'observe', '--follow'], { stdio: 'ignore' })
  return { count: 1, stop: () => void cli.kill() }
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
