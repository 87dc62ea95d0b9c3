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
  const args = ['--kubeconfig', cluster.kubeconfig, '--install-crds', '--qps', '1000', '--burst', '1000']
  const startMs = performance.now()
  operator = new OperatorProcess(args)
  await converged()
  const seconds = (performance.now() - startMs) / 1_000
  const metrics = await operator.metrics()
  const numbers = await objects.numbers()
  assert.is(Object.keys(numbers).length, POD_COUNT)
  assert.is(new Set(Object.values(numbers)).size, LABEL_SETS)
  assert.is((await objects.identities()).length, LABEL_SETS)
  await operator.stop()
  operator = new OperatorProcess(args)
  const restartMs = performance.now()
  await converged()
  const again = await operator.metrics()
  assert.equal(await objects.numbers(), numbers)
  assert.is(again.get('fovea_operator_endpoints_created_total') ?? 0, 0)
  print('first start', seconds, metrics)
  print('restart', (performance.now() - restartMs) / 1_000, again)
})

/** Resolves when every pod was worked on and nothing waits. */
async function converged(): Promise<void> {
  const done = async () => {
    const metrics = await operator.metrics()
    const worked = metrics.get('fovea_operator_reconciles_total') ?? 0
    return (worked >= POD_COUNT && metrics.get('fovea_operator_queue_depth') === 0) || undefined
  }
  await eventually('the operator to be done', done, 180_000)
}

function print(what: string, seconds: number, metrics: Map<string, number>): void {
  const requests = metrics.get('fovea_kubernetes_requests_total') ?? 0
  const mebibytes = (metrics.get('otelcol_process_memory_rss') ?? 0) / 2 ** 20
  const cpu = metrics.get('otelcol_process_cpu_seconds_total') ?? 0
  console.log(
    `${what}: ${POD_COUNT} pods in ${LABEL_SETS} label sets: ${seconds.toFixed(1)} s, ${requests} API requests, ${mebibytes.toFixed(0)} MiB resident, ${cpu.toFixed(1)} s CPU`,
  )
}

scale.run()
