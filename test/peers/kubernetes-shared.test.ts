import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { EndpointTable } from '../../src/flow/endpoint.ts'
import { Cluster } from '../support/cluster.ts'
import { ClusterObjects, NODES } from '../support/cluster-objects.ts'
import { eventually } from '../support/eventually.ts'
import { RunningProcessor } from '../support/running-processor.ts'

/** Several pipelines of one service with the processor each. */
const test = suite('processors that share a cluster')

let cluster: Cluster
let objects: ClusterObjects
const running = new Set<RunningProcessor>()

test.before(async () => {
  cluster = await Cluster.start()
  objects = await ClusterObjects.open(cluster)
  const labels = { 'app.kubernetes.io/name': 'fovea', 'app.kubernetes.io/component': 'agent' }
  await objects.pod({ name: 'agent', node: 'node-1', labels, addresses: ['10.1.0.1'] })
})

test.after.each(async () => {
  for (const processor of running) await stop(processor)
})

test.after(async () => {
  objects?.close()
  await cluster?.stop()
})

async function start(table: EndpointTable, settings: object = {}): Promise<RunningProcessor> {
  const own = { kube_config: cluster.kubeconfig, node_name: 'node-1', ...settings }
  const processor = await RunningProcessor.start(own, table)
  running.add(processor)
  return processor
}

async function stop(processor: RunningProcessor): Promise<void> {
  running.delete(processor)
  await processor.stop()
}

/** Requests to the API server that a processor's own telemetry counts. */
function requests({ context }: RunningProcessor): number {
  const family = context.telemetry.families().find(({ name }) => name === 'fovea_kubernetes_requests')
  return [...(family?.ids() ?? [])].reduce((sum, id) => sum + (family?.value(id) ?? 0), 0)
}

test('the second one with the same settings lists and watches nothing, and gives ends the same ids', async () => {
  const table = new EndpointTable()
  const first = await start(table)
  const second = await start(table, { wait_for_metadata: 1_000 })
  assert.ok(requests(first) > 5)
  assert.is(requests(second), 0)
  assert.is(await first.source('10.1.0.1'), await second.source('10.1.0.1'))
})

test('one that ends takes nothing away from the other; after the last one nothing is left', async () => {
  const table = new EndpointTable()
  const first = await start(table)
  const second = await start(table)
  await stop(first)
  assert.equal([...table.cluster.peers], [{ node: 'node-1', address: '10.1.0.1' }])
  await objects.pod({ name: 'late', addresses: ['10.1.0.2'] })
  await eventually('a pod that came later', async () =>
    (await second.source('10.1.0.2')).podName === 'late' ? true : undefined,
  )
  await stop(second)
  assert.equal([...table.cluster.peers], [])
  const third = await start(table)
  assert.ok(requests(third) > 5)
  assert.is((await third.source('10.1.0.2')).podName, 'late')
})

test('a node name that the cluster does not know is told', async () => {
  await objects.client.create(NODES, {}, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-1' } })
  const told = async (settings: object) =>
    (await start(new EndpointTable(), settings)).context.lines.map(({ msg }) => msg)
  const warning = /the cluster has no node "node-0": .*set node_name/
  assert.ok((await told({ node_name: 'node-0' })).some((line) => warning.test(line)))
  assert.not((await told({})).some((line) => line.includes('has no node')))
})

test('other settings and other services have a cluster of their own', async () => {
  const table = new EndpointTable()
  const first = await start(table)
  const east = await start(table, { cluster_name: 'east' })
  const elsewhere = await start(new EndpointTable())
  for (const processor of [east, elsewhere]) assert.ok(requests(processor) > 5)
  assert.equal(await Promise.all([first, east].map(async (one) => (await one.source('10.1.0.1')).clusterName)), [
    'default',
    'east',
  ])
})

test('a cluster that cannot be had fails the start, and the next one tries again', async () => {
  const table = new EndpointTable()
  const bad = { kube_config: '/nowhere/kubeconfig' }
  for (let attempt = 0; attempt < 2; attempt++) {
    const failed = await start(table, bad).catch((error: Error) => error)
    assert.match((failed as Error).message, /kubeconfig \/nowhere\/kubeconfig: ENOENT/)
  }
})

test.run()
