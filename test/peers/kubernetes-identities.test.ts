import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type CiliumEndpointSlice, ENDPOINT_SLICES, IDENTITIES } from '../../src/kubernetes/cilium.ts'
import type { Resource } from '../../src/kubernetes/resource.ts'
import { Cluster } from '../support/cluster.ts'
import { ClusterObjects, PODS } from '../support/cluster-objects.ts'
import { eventually } from '../support/eventually.ts'
import { RunningOperator } from '../support/running-operator.ts'
import { RunningProcessor } from '../support/running-processor.ts'

const JOBS: Resource = { group: 'batch', version: 'v1', plural: 'jobs' }

/** Agents and the operator on one cluster: everybody has the same number for the same pod. */
const test = suite('identities that agents and operator agree on')

let cluster: Cluster
let objects: ClusterObjects
const agents: RunningProcessor[] = []

test.before(async () => {
  cluster = await Cluster.start()
  objects = await ClusterObjects.open(cluster)
  for (let i = 0; i < 20; i++) {
    const labels = { app: `app-${i % 5}`, 'pod-template-hash': `${i}` }
    await objects.pod({ name: `pod-${i}`, labels, addresses: [`10.1.0.${i}`], node: `node-${i % 2}` })
  }
})

test.after(async () => {
  for (const agent of agents) await agent.stop()
  objects?.close()
  await cluster?.stop()
})

async function agent(): Promise<RunningProcessor> {
  const started = await RunningProcessor.start({ kube_config: cluster.kubeconfig, node_name: 'node-1' })
  agents.push(started)
  return started
}

/** Identity by pod, as flows of an agent show it. */
async function shown(running: RunningProcessor): Promise<Record<string, number>> {
  const ends = await Promise.all(Array.from({ length: 20 }, (_, i) => running.source(`10.1.0.${i}`)))
  return Object.fromEntries(ends.map((end) => [`${end.namespace}/${end.podName}`, end.identity]).sort())
}

test('without an operator two agents compute the same numbers, one for each label set', async () => {
  const [first, second] = [await shown(await agent()), await shown(await agent())]
  assert.equal(first, second)
  assert.is(Object.keys(first).length, 20)
  assert.is(new Set(Object.values(first)).size, 5)
})

test('with an operator an agent shows its numbers and labels, and follows them', async () => {
  const operator = new RunningOperator({ kubeconfig: cluster.kubeconfig, installCrds: true })
  await operator.leading()
  const numbers = await eventually('20 endpoints', async () => {
    const found = await objects.numbers()
    return Object.keys(found).length === 20 ? found : undefined
  })
  const late = await agent()
  assert.equal(await shown(late), numbers)
  const identity = (await objects.identities()).find(
    ({ metadata }) => Number(metadata.name) === numbers['default/pod-0'],
  )
  const labels = Object.entries(identity?.['security-labels'] ?? {}).map(([key, value]) => `${key}=${value}`)
  assert.equal((await late.source('10.1.0.0')).labels, labels.sort())
  await objects.client.merge(PODS, { namespace: 'default', name: 'pod-0' }, { metadata: { labels: { app: 'moved' } } })
  await eventually('the new identity', async () => {
    const [told, seen] = [(await objects.numbers())['default/pod-0'], (await late.source('10.1.0.0')).identity]
    return told !== numbers['default/pod-0'] && told === seen ? true : undefined
  })
  await operator.stop()
})

test('all pods of a Job show the CronJob behind it', async () => {
  const owned = (kind: string, name: string) => [{ apiVersion: 'batch/v1', kind, name, uid: 'u', controller: true }]
  const metadata = { name: 'report-1', ownerReferences: owned('CronJob', 'report') }
  const template = { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i' }] } }
  const job = { apiVersion: 'batch/v1', kind: 'Job', metadata, spec: { template } }
  await objects.client.create(JOBS, { namespace: 'default' }, job)
  for (const i of [1, 2, 3]) {
    await objects.pod({ name: `report-1-${i}` })
    const ownerReferences = owned('Job', 'report-1')
    await objects.client.merge(PODS, { namespace: 'default', name: `report-1-${i}` }, { metadata: { ownerReferences } })
    await objects.run('default', `report-1-${i}`, [`10.2.0.${i}`])
  }
  const [running] = agents
  await eventually('the CronJob at all three', async () => {
    const ends = await Promise.all([1, 2, 3].map((i) => running!.source(`10.2.0.${i}`)))
    return ends.every(({ workloads: [first] }) => first?.kind === 'CronJob' && first.name === 'report')
      ? true
      : undefined
  })
})

test('with an operator that writes slices an agent shows the numbers in them', async () => {
  await objects.namespace('sliced')
  const settings = { kube_config: cluster.kubeconfig, node_name: 'node-1' }
  const plain = await agent()
  await objects.pod({ namespace: 'sliced', name: 'web', labels: { app: 'web' }, addresses: ['10.3.0.1'] })
  const preferred = await eventually('the pod', async () => {
    const { podName, identity } = await plain.source('10.3.0.1')
    return podName === 'web' ? identity : undefined
  })
  // Somebody else has the number that everybody would compute.
  const taken = { metadata: { name: String(preferred) }, 'security-labels': { 'k8s:app': 'somebody-else' } }
  const identity = { apiVersion: 'cilium.io/v2', kind: 'CiliumIdentity', ...taken }
  await objects.client.create(IDENTITIES, {}, identity)
  const operator = new RunningOperator({ kubeconfig: cluster.kubeconfig, endpointSlices: true })
  await operator.leading()
  const number = await eventually('the slice', async () => {
    const slices = await objects.list<CiliumEndpointSlice>(ENDPOINT_SLICES)
    return slices.find(({ namespace }) => namespace === 'sliced')?.endpoints.find(({ name }) => name === 'web')?.id
  })
  assert.is.not(number, preferred)
  const late = await RunningProcessor.start({
    ...settings,
    cilium: { endpoints: false, endpoint_slices: true, identities: false },
  })
  agents.push(late)
  assert.is((await late.source('10.3.0.1')).identity, number)
  await eventually('the number at an agent that was there before', async () =>
    (await plain.source('10.3.0.1')).identity === number ? true : undefined,
  )
  await objects.client.merge(PODS, { namespace: 'sliced', name: 'web' }, { metadata: { labels: { app: 'moved' } } })
  await eventually('another number', async () => {
    const { identity: now } = await late.source('10.3.0.1')
    return now !== number && now === (await plain.source('10.3.0.1')).identity ? true : undefined
  })
  await operator.stop()
})

test.run()
