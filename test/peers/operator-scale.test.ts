import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Cluster } from '../support/cluster.ts'
import { ClusterObjects, PODS } from '../support/cluster-objects.ts'
import { eventually } from '../support/eventually.ts'
import { OperatorProcess } from '../support/operator-process.ts'

const scale = suite('operator: a cluster of 5,000 pods')

const POD_COUNT = 5_000
const LABEL_SETS = 500
const NODE_COUNT = 50

let cluster: Cluster
let objects: ClusterObjects
let operator: OperatorProcess

scale.before(async () => {
  cluster = await Cluster.start({ kwok: true })
  objects = await ClusterObjects.open(cluster)
})

scale.after(async () => {
  await operator?.stop()
  objects?.close()
  await cluster?.stop()
})

/** Does `work` for 0 … count − 1, 16 at a time. */
async function each(count: number, work: (i: number) => Promise<unknown>): Promise<void> {
  let next = 0
  const worker = async () => {
    while (next < count) await work(next++)
  }
  await Promise.all(Array.from({ length: 16 }, worker))
}

async function makePods(): Promise<void> {
  const nodes = { group: '', version: 'v1', plural: 'nodes' }
  await each(NODE_COUNT, (i) =>
    objects.client.create(
      nodes,
      {},
      {
        apiVersion: 'v1',
        kind: 'Node',
        metadata: { name: `node-${i}` },
        spec: { podCIDR: `10.${i}.0.0/20` },
      },
    ),
  )
  for (let i = 0; i < 10; i++) await objects.namespace(`ns-${i}`)
  await each(POD_COUNT, (i) => {
    const app = i % LABEL_SETS
    const labels = { app: `app-${app}`, tier: `tier-${app % 7}`, 'pod-template-hash': `${i}` }
    return objects.pod({ namespace: `ns-${app % 10}`, name: `app-${app}-${i}`, labels, node: `node-${i % NODE_COUNT}` })
  })
}

/** Pods that have an address. */
async function runningPods(): Promise<number> {
  const pods = await objects.list<{ status: { podIP?: string } }>(PODS)
  return pods.filter(({ status }) => status.podIP !== undefined).length
}

scale('all get endpoints, one identity for each label set, and keep them over a restart', async () => {
  await makePods()
  await eventually('kwok to run the pods', async () => (await runningPods()) === POD_COUNT || undefined, 90_000)
  const startMs = performance.now()
  operator = new OperatorProcess(args())
  await converged()
  const seconds = (performance.now() - startMs) / 1_000
  await print('first start', seconds)
  const numbers = await objects.numbers()
  assert.is(Object.keys(numbers).length, POD_COUNT)
  assert.is(new Set(Object.values(numbers)).size, LABEL_SETS)
  assert.is((await objects.identities()).length, LABEL_SETS)
  await operator.stop()
  operator = new OperatorProcess(args())
  const restartMs = performance.now()
  await converged()
  await print('restart', (performance.now() - restartMs) / 1_000)
  const again = await operator.metrics()
  assert.equal(await objects.numbers(), numbers)
  assert.is(again.get('fovea_operator_endpoints_created_total') ?? 0, 0)
})

scale('in slices they cost a request for each hundred pods', async () => {
  await operator.stop()
  operator = new OperatorProcess([...args(), '--endpoint-slices'])
  const startMs = performance.now()
  await converged()
  const sliced = async () => (await objects.slices()).reduce((count, { endpoints }) => count + endpoints.length, 0)
  await eventually('all pods in slices', async () => (await sliced()) === POD_COUNT || undefined, 60_000)
  await print('slices', (performance.now() - startMs) / 1_000)
  const written = (await operator.requests()).get('create ciliumendpointslices.cilium.io') ?? 0
  assert.ok(written >= POD_COUNT / 100 && written < POD_COUNT / 20, `${written} slices made`)
  assert.is((await objects.identities()).length, LABEL_SETS)
})

/** Requests are not what limits. */
function args(): string[] {
  return ['--kubeconfig', cluster.kubeconfig, '--install-crds', '--qps', '1000', '--burst', '1000']
}

/** Resolves when every pod was worked on and nothing waits. */
async function converged(): Promise<void> {
  const done = async () => {
    const metrics = await operator.metrics()
    const worked = metrics.get('fovea_operator_reconciles_total') ?? 0
    return (worked >= POD_COUNT && metrics.get('fovea_operator_queue_depth') === 0) || undefined
  }
  await eventually('the operator to be done', done, 180_000)
}

async function print(what: string, seconds: number): Promise<void> {
  const metrics = await operator.metrics()
  const requests = await operator.requests()
  const total = [...requests.values()].reduce((sum, count) => sum + count, 0)
  const mebibytes = (metrics.get('otelcol_process_memory_rss') ?? 0) / 2 ** 20
  const cpu = metrics.get('otelcol_process_cpu_seconds_total') ?? 0
  console.log(
    `${what}: ${POD_COUNT} pods in ${LABEL_SETS} label sets: ${seconds.toFixed(1)} s, ${total} API requests, ${mebibytes.toFixed(0)} MiB resident, ${cpu.toFixed(1)} s CPU`,
  )
  for (const [key, count] of requests) console.log(`  ${count} ${key}`)
}

scale.run()
