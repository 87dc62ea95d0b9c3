import { setImmediate } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { addressWords } from '../../src/flow/address-words.ts'
import { FlowBatch } from '../../src/flow/batch.ts'
import { LocalAddresses } from '../../src/flow/local-addresses.ts'
import { BatchNamer } from '../../src/processors/kubernetes/batch-namer.ts'
import { node, START_MS, slice, TestCluster, type Written } from '../support/kubernetes-model.ts'

/**
 * Cost of the `kubernetes` processor: nanoseconds to name an end, memory of a cluster through the same trimming and stores as
 * watches use, and time for each change of a pod. Objects are synthetic, as large as real ones (7 KB a pod).
 */

const ROWS = 8_192
const ROUNDS = 20
const RUNS = 15
const PODS_PER_NODE = 100

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** A pod as kubelet leaves it, with what nobody here needs. */
function pod(i: number, round = 0): Written {
  const app = `app-${i % 500}`
  const hash = `${(i % 500).toString(16)}${round}c4d`
  const container = (name: string) => ({
    name,
    image: `registry.example.com/team-${i % 40}/${app}:v1.2.${round}`,
    env: Array.from({ length: 20 }, (_, n) => ({ name: `SETTING_${n}`, value: `value-${n}-of-${app}` })),
    resources: { limits: { cpu: '500m', memory: '512Mi' }, requests: { cpu: '100m', memory: '128Mi' } },
    volumeMounts: [{ name: 'token', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount', readOnly: true }],
  })
  const status = (name: string) => ({
    name,
    ready: true,
    restartCount: 0,
    image: 'registry.example.com/image',
    imageID: `registry.example.com/image@sha256:${'0123456789abcdef'.repeat(4)}`,
    containerID: `containerd://${'fedcba9876543210'.repeat(4)}`,
    state: { running: { startedAt: '2026-01-01T00:00:02Z' } },
  })
  const condition = (type: string) => ({ type, status: 'True', lastTransitionTime: '2026-01-01T00:00:02Z' })
  return {
    metadata: {
      name: `${app}-${hash}-${i}`,
      namespace: `team-${i % 40}`,
      uid: `00000000-0000-4000-8000-${String(i).padStart(8, '0')}${String(round).padStart(4, '0')}`,
      labels: { app, 'app.kubernetes.io/name': app, version: `v${i % 3}`, 'pod-template-hash': hash },
      annotations: { 'prometheus.io/scrape': 'true', checksum: 'a'.repeat(64) },
      managedFields: [{ manager: 'kubelet', fieldsV1: { padding: 'f'.repeat(2_000) } }],
      ownerReferences: [
        { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: `${app}-${hash}`, uid: 'u', controller: true },
      ],
    },
    spec: {
      nodeName: `node-${Math.floor(i / PODS_PER_NODE)}`,
      serviceAccountName: app,
      containers: [container('main'), container('sidecar')],
      volumes: [{ name: 'token', projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } }],
    },
    status: {
      phase: 'Running',
      startTime: '2026-01-01T00:00:01Z',
      conditions: ['PodScheduled', 'Initialized', 'ContainersReady', 'Ready'].map(condition),
      containerStatuses: [status('main'), status('sidecar')],
      podIP: address(i),
      podIPs: [{ ip: address(i) }, { ip: `fd00::${(i >> 16).toString(16)}:${(i & 0xffff).toString(16)}` }],
    },
  }
}

function address(i: number): string {
  return `10.${64 + (i >> 16)}.${(i >> 8) & 0xff}.${i & 0xff}`
}

/** As it comes over the wire: strings of its own. */
function wired(object: Written): Written {
  return JSON.parse(JSON.stringify(object)) as Written
}

function cluster(pods: number): TestCluster {
  const made = new TestCluster({ names: { cluster: 'default', node: 'node-0' } })
  for (let n = 0; n < Math.ceil(pods / PODS_PER_NODE); n++) {
    const labels = { 'topology.kubernetes.io/zone': `zone-${n % 3}` }
    made.put('node', wired(node(`node-${n}`, [`192.168.${n >> 8}.${n & 0xff}`], { labels })))
  }
  for (let n = 0; n < 40; n++)
    made.put('namespace', wired({ metadata: { name: `team-${n}`, labels: { team: `${n}` } } }))
  for (let i = 0; i < pods; i++) made.put('pod', wired(pod(i)))
  for (let s = 0; s < 500; s++) {
    const behind = Array.from({ length: Math.min(100, Math.floor(pods / 500)) }, (_, k) => address(s + 500 * k))
    made.put(
      'service',
      wired({
        metadata: { name: `app-${s}` },
        spec: { clusterIPs: [`10.96.${s >> 8}.${s & 0xff}`], ports: [{ port: 80 }] },
      }),
    )
    made.put('slice', wired(slice(`app-${s}-1`, `app-${s}`, behind, [8_080])))
  }
  return made
}

/** Rows between pods: half of them clients with high ports, half servers; one in ten of the world. */
function traffic(pods: number, seen: number): FlowBatch {
  const batch = FlowBatch.allocate(ROWS)
  const { columns } = batch
  for (let row = 0; row < ROWS; row++) {
    const ends = [((row * 7_919) % seen) * Math.floor(pods / seen), ((row * 104_729) % seen) * Math.floor(pods / seen)]
    const world = row % 10 === 0
    columns.sourceAddress.set(addressWords(address(ends[0]!))!, 4 * row)
    columns.destinationAddress.set(addressWords(world ? `203.0.${row & 0xff}.9` : address(ends[1]!))!, 4 * row)
    columns.sourcePort[row] = 32_768 + (row % 20_000)
    columns.destinationPort[row] = world ? 443 : 8_080
    columns.protocol[row] = 6
    columns.ipVersion[row] = 4
    columns.timeSeconds[row] = START_MS / 1_000 + 3_600
  }
  return batch
}

function nsPerEnd(namer: BatchNamer, batch: FlowBatch): number {
  let best = Number.POSITIVE_INFINITY
  for (let run = 0; run < RUNS; run++) {
    const start = process.hrtime.bigint()
    for (let round = 0; round < ROUNDS; round++) namer.name(batch, false)
    best = Math.min(best, Number(process.hrtime.bigint() - start) / (ROUNDS * ROWS * 2))
  }
  return best
}

function usedMiB(): number {
  collect()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return (heapUsed + arrayBuffers) / 2 ** 20
}

const table: Record<string, string | number>[] = []
for (const pods of [5_000, 50_000]) {
  const before = usedMiB()
  const start = performance.now()
  const made = cluster(pods)
  const listMs = performance.now() - start
  const memory = usedMiB() - before
  const namer = new BatchNamer(made.table, made.model, new LocalAddresses(() => []))
  const few = nsPerEnd(namer, traffic(pods, 500))
  const many = nsPerEnd(namer, traffic(pods, Math.min(pods, ROWS)))
  const named = usedMiB() - before
  table.push({
    pods,
    'ns/end, 500 pods seen': few.toFixed(1),
    'ns/end, many seen': many.toFixed(1),
    MiB: memory.toFixed(1),
    'bytes/pod': Math.round((memory * 2 ** 20) / pods),
    'MiB, 8,192 pods named': named.toFixed(1),
    'µs/object of a list': ((listMs * 1_000) / pods).toFixed(1),
  })
}
console.table(table)

/** Pods come and go while flows name them: time for each change, and whether anything is left behind. */
async function churn(changes: number): Promise<void> {
  const pods = 5_000
  const made = cluster(pods)
  const namer = new BatchNamer(made.table, made.model, new LocalAddresses(() => []))
  const batch = traffic(pods, pods)
  const before = usedMiB()
  let busyMs = 0
  const rounds = new Uint32Array(pods)
  for (let change = 0; change < changes; change++) {
    const i = (change * 37) % pods
    const round = rounds[i]!++
    made.nowMs += 5 // 200 a second
    const start = performance.now()
    made.remove('pod', pod(i, round))
    made.put('pod', wired(pod(i, round + 1)))
    busyMs += performance.now() - start
    if (change % 10 === 0) namer.name(batch, false)
    if (change % 1_000 === 0) made.model.sweep()
    if (change % 1_000 === 0) await setImmediate()
  }
  const during = { history: made.model.ownership.history, ids: made.table.used, mib: usedMiB() - before }
  made.nowMs += 400_000
  made.model.sweep()
  namer.name(batch, false)
  await setImmediate() // what a weak reference was asked for stays until the end of the turn
  collect()
  made.model.sweep()
  console.table([
    {
      changes,
      'µs/change': ((busyMs * 1_000) / changes).toFixed(1),
      'thread at 200/s, %': ((busyMs / changes) * 20).toFixed(2),
      'past owners': during.history,
      'endpoint ids': during.ids,
      'MiB more': during.mib.toFixed(1),
      'past owners, 5 min later': made.model.ownership.history,
      'endpoint ids then': made.table.used,
      'MiB more then': (usedMiB() - before).toFixed(1),
    },
  ])
}

await churn(50_000)
