import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ENDPOINT_SLICES, ENDPOINTS } from '../../src/kubernetes/cilium.ts'
import { Cluster } from '../support/cluster.ts'
import { ClusterObjects } from '../support/cluster-objects.ts'
import { eventually } from '../support/eventually.ts'
import { operatorAccount } from '../support/operator-role.ts'
import { RunningOperator } from '../support/running-operator.ts'
import { RunningProcessor } from '../support/running-processor.ts'

const slices = suite('operator: endpoint slices')

let cluster: Cluster
let objects: ClusterObjects
let kubeconfig = ''
const running: RunningOperator[] = []

async function operator(endpointSlices: boolean): Promise<RunningOperator> {
  await Promise.all(running.splice(0).map((one) => one.stop()))
  const made = new RunningOperator({ kubeconfig, namespace: 'fovea', installCrds: true, endpointSlices })
  running.push(made)
  await made.leading()
  return made
}

/** Pods in slices, sorted. */
async function sliced(): Promise<string[]> {
  const all = (await objects.slices()).flatMap(({ endpoints }) => endpoints)
  return all.map(({ name }) => name).sort()
}

slices.before(async () => {
  cluster = await Cluster.start()
  objects = await ClusterObjects.open(cluster)
  kubeconfig = operatorAccount(cluster)
})

slices.after(async () => {
  await Promise.all(running.splice(0).map((one) => one.stop()))
  objects?.close()
  await cluster?.stop()
})

slices('they carry what endpoints do, up to 100 each, and empty ones go', async () => {
  await operator(true)
  await Promise.all(
    Array.from({ length: 130 }, (_, i) =>
      objects.pod({ name: `p-${i}`, labels: { app: `app-${i % 3}` }, addresses: [`10.1.0.${i + 1}`] }),
    ),
  )
  await eventually('130 endpoints in slices', async () => (await sliced()).length === 130 || undefined)
  const before = await objects.slices()
  const found = before.flatMap(({ endpoints }) => endpoints)
  assert.is(new Set(found.map(({ name }) => name)).size, 130)
  assert.is(new Set(found.map(({ id }) => id)).size, 3)
  assert.ok(before.every(({ namespace, endpoints }) => namespace === 'default' && endpoints.length <= 100))
  assert.is((await objects.endpoints()).length, 0)
  await operator(true)
  await objects.deletePod('default', 'p-0')
  await eventually('129 endpoints', async () => (await sliced()).length === 129 || undefined)
  assert.is((await objects.slices()).length, before.length, 'those of before the restart were taken over')
  for (let i = 3; i < 130; i++) await objects.deletePod('default', `p-${i}`)
  await eventually('two endpoints', async () => (await sliced()).join() === 'p-1,p-2' || undefined)
})

slices('agents agree with the operator by the identities alone', async () => {
  const agent = await RunningProcessor.start({ kube_config: cluster.kubeconfig, node_name: 'node-1' })
  try {
    const endpoints = (await objects.slices()).flatMap((slice) => slice.endpoints)
    assert.is(endpoints.length, 2)
    for (const { id, networking } of endpoints) {
      const address = networking.addressing[0]?.ipv4 ?? ''
      await eventually(`${id} at ${address}`, async () => (await agent.source(address)).identity === id || undefined)
    }
  } finally {
    await agent.stop()
  }
})

slices('a change of kind, either way, clears what the other kind left, but nothing of others', async () => {
  const foreign = {
    apiVersion: 'cilium.io/v2',
    kind: 'CiliumEndpoint',
    metadata: { name: 'theirs' },
    status: { id: 7 },
  }
  await objects.client.create(ENDPOINTS, { namespace: 'default' }, foreign)
  const networking = { addressing: [{ ipv4: '10.9.0.1' }] }
  const slice = { apiVersion: 'cilium.io/v2alpha1', kind: 'CiliumEndpointSlice', metadata: { name: 'ces-theirs' } }
  const endpoints = [{ name: 'theirs', id: 300, networking }]
  await objects.client.create(ENDPOINT_SLICES, {}, { ...slice, namespace: 'default', endpoints })
  const identities = (await objects.identities()).map(({ metadata }) => metadata.name).sort()
  const toObjects = await operator(false)
  await eventually('objects and only the foreign slice', async () => (await sliced()).join() === 'theirs' || undefined)
  assert.equal(Object.keys(await objects.numbers()), ['default/p-1', 'default/p-2', 'default/theirs'])
  assert.is(toObjects.metric('fovea_operator_leftovers_deleted'), 1)
  await toObjects.logged(/1 ciliumendpointslices.cilium.io of before --endpoint-slices was changed: deleted/)
  const toSlices = await operator(true)
  await eventually(
    'slices and only the foreign endpoint',
    async () => Object.keys(await objects.numbers()).join() === 'default/theirs' || undefined,
  )
  assert.equal(await sliced(), ['p-1', 'p-2', 'theirs'])
  assert.is(toSlices.metric('fovea_operator_leftovers_deleted'), 2)
  const kept = (await objects.identities()).map(({ metadata }) => metadata.name)
  assert.equal(
    identities.filter((name) => !kept.includes(name)),
    [],
  )
})

slices.run()
