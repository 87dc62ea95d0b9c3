import { setTimeout } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { FlowRing } from '../../src/exporters/hubble/flow-ring.ts'
import type { FlowBatch } from '../../src/flow/batch.ts'
import { type EndpointTable, endpoint } from '../../src/flow/endpoint.ts'
import { numberedBatch } from '../support/flow-source.ts'
import { openStored, type StoredRing } from '../support/stored-flows.ts'
import { TemporaryFolder } from '../support/temporary-folder.ts'

/**
 * Flows kept: bytes of each in memory and on disk, what writing them costs, and how long a search through all of them takes.
 * FOVEA_HISTORY_FLOWS sets how many are written (10 million by default). Prints a table, asserts nothing.
 */
const FLOWS = Number(process.env.FOVEA_HISTORY_FLOWS ?? 10_000_000)
const ROWS = 2_500
const TEMPLATES = 64
const PODS = 200
/** Handed over before looking whether the disk follows. */
const BATCHES_AT_ONCE = 8

// The collector as a function, for figures of memory that do not depend on when it runs.
setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

const results: [string, string][] = []
const folder = new TemporaryFolder()

try {
  inMemory()
  await onDisk()
} finally {
  folder.remove()
}
console.table(Object.fromEntries(results.map(([what, result]) => [what, { result }])))

/** Memory of this process before and after a full ring: buffers and objects. */
function inMemory(): void {
  const rings: FlowRing[] = []
  for (const rows of [ROWS, 100, 10]) {
    const batch = numberedBatch(0, rows)
    const flows = 200_000
    const before = memory()
    const ring = new FlowRing({ maxFlows: flows, maxBytes: 2 ** 30 })
    rings.push(ring)
    for (let i = 0; i < flows / rows; i++) {
      const own = batch.copy()
      ring.push(own)
      own.release()
    }
    // All rings stay: what is collected of one would be missing in the next one's figure.
    const bytes = (memory() - before) / flows
    results.push([
      `memory, batches of ${rows}`,
      `${bytes.toFixed(0)} bytes a flow, ${(ring.bytes / flows).toFixed(0)} by its own count`,
    ])
  }
}

function memory(): number {
  collect()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

async function onDisk(): Promise<void> {
  const stored = await openStored({ directory: folder.at('history'), maxFlows: 65_535, maxBytes: 2 ** 33 })
  const batches = templates(stored.endpoints)
  const start = performance.now()
  const cpu = process.cpuUsage()
  let pushing = 0
  for (let sent = 0; sent < FLOWS; ) {
    const begin = performance.now()
    for (let i = 0; i < BATCHES_AT_ONCE && sent < FLOWS; i++, sent += ROWS)
      stored.ring.push(batches[(sent / ROWS) % TEMPLATES]!)
    pushing += performance.now() - begin
    while (stored.history.memoryBytes > 8 * 1024 * 1024) await setTimeout(2)
  }
  while (stored.history.events < FLOWS - 2 * ROWS) await setTimeout(5)
  const { user, system } = process.cpuUsage(cpu)
  const { events, bytes } = stored.history
  results.push(
    ['disk', `${(bytes / events).toFixed(1)} bytes a flow, ${events.toLocaleString('en')} flows`],
    ['writing', `${Math.round((events / (performance.now() - start)) * 1_000).toLocaleString('en')} flows/s`],
    ['writing, all threads', `${Math.round(((user + system) * 1_000) / events)} ns CPU a flow`],
    ['writing, handing over', `${Math.round((pushing * 1e6) / events)} ns a flow`],
  )
  await searching(stored)
  await stored.history.close()
}

async function searching({ ask, history }: StoredRing): Promise<void> {
  const requests: [string, object][] = [
    ['last 20, no match, port', { number: 20, whitelist: [{ destination_port: ['81'] }] }],
    ['last 20, no match, pod', { number: 20, whitelist: [{ source_pod: ['default/nobody'] }] }],
    ['last 20', { number: 20 }],
    ['first 20', { number: 20, first: true }],
    ['since the last second', { since: { seconds: Math.floor(Date.now() / 1_000) + 3_600 } }],
  ]
  for (const [what, request] of requests) {
    const start = performance.now()
    await ask(request)
    results.push([
      `${what}, ${history.events.toLocaleString('en')} flows`,
      `${(performance.now() - start).toFixed(0)} ms`,
    ])
  }
}

/** Flows as a node of 200 pods sees them: nothing in them repeats more than there. */
function templates(table: EndpointTable): FlowBatch[] {
  const pods = Array.from({ length: PODS }, (_, i) =>
    table.add(
      endpoint({
        podName: `service-${i}-6d4cf56db6-${(i * 7_919).toString(36)}`,
        namespace: `team-${i % 20}`,
        identity: 10_000 + i,
        labels: [`k8s:app=service-${i}`, `k8s:io.kubernetes.pod.namespace=team-${i % 20}`, 'k8s:version=1.2.3'],
        workloads: [{ name: `service-${i}`, kind: 'Deployment' }],
        nodeName: `node-${i % 7}`,
      }),
    ),
  )
  return Array.from({ length: TEMPLATES }, (_, n) => {
    const batch = numberedBatch(n * ROWS, ROWS)
    for (let row = 0; row < ROWS; row++) scatter(batch, row, pods)
    batch.epoch = table.epoch
    return batch
  })
}

function scatter({ columns }: FlowBatch, row: number, pods: readonly number[]): void {
  const below = (limit: number) => Math.floor(Math.random() * limit)
  const [from, to] = [below(PODS), below(PODS)]
  columns.sourceEndpoint[row] = pods[from]!
  columns.destinationEndpoint[row] = pods[to]!
  columns.sourceAddress[4 * row + 3] = 0x0a000000 + from
  columns.destinationAddress[4 * row + 3] = 0x0a000000 + to
  columns.sourcePort[row] = 32_768 + below(28_000)
  columns.destinationPort[row] = [80, 443, 8_080, 53][below(4)]!
  columns.timeNanos[row] = below(1e9)
  columns.packets[row] = 1 + below(20)
  columns.bytes[row] = 66 + below(20_000)
  columns.tcpFlags[row] = [2, 18, 16, 17, 24][below(5)]!
  columns.isReply[row] = 1 + below(2)
  columns.interfaceIndex[row] = 3 + from
  columns.observationPoint[row] = below(4)
  columns.rttUs[row] = below(5_000)
}
