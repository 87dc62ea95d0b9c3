import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { Ends } from '../../src/flow/ends.ts'
import { HubbleEncoder } from '../../src/flow/hubble-encode.ts'
import { uuidPrefix } from '../../src/flow/hubble-uuid.ts'
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
await searching()
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
  const encoder = new HubbleEncoder({
    nodeName: 'node-1',
    emitter,
    ends: new Ends(),
    uuidPrefix: uuidPrefix(randomUUID()),
  })
  const batch = numberedBatch(0, ROWS)
  let bytes = 0
  const ms = median(50, () => {
    encoder.refresh()
    bytes = 0
    for (let row = 0; row < ROWS; row++) bytes += encoder.response(batch, row, 1).length
  })
  results.push(['encode', `${rate(ROWS, ms)} flows/s, ${Math.round(bytes / ROWS)} bytes each`])
}

/** `--last 20` of a full ring in which the match is rare, by the client's clock. */
async function searching(): Promise<void> {
  const hubble = await startHubble()
  for (let from = 0; from < 65_536; from += ROWS) hubble.exporter.consume(numberedBatch(from, ROWS))
  const client = new HubbleClient(hubble.server)
  const requests: [string, object][] = [
    ['last 20, 1 match in 4,096, one field', { number: 20, whitelist: [{ source_ip: ['0.0.0.0/20'] }] }],
    ['last 20, no match, port and verdict', { number: 20, whitelist: [{ destination_port: ['81'], verdict: [1] }] }],
    ['last 20, no match, regular expression', { number: 20, whitelist: [{ dns_query: ['a.*b'] }] }],
    ['last 20 without filter', { number: 20 }],
  ]
  for (const [what, request] of requests) {
    const times: number[] = []
    for (let run = 0; run < 20; run++) {
      const start = performance.now()
      await client.flows(request)
      times.push(performance.now() - start)
    }
    results.push([`${what}, 65,535 flows kept`, `${times.sort((a, b) => a - b)[10]!.toFixed(1)} ms`])
  }
  client.close()
  await hubble.stop()
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
