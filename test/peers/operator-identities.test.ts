import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ENDPOINTS, IDENTITIES } from '../../src/kubernetes/cilium.ts'
import { labelsKey } from '../../src/kubernetes/security-labels.ts'
import { UNUSED_SINCE } from '../../src/operator/identity-index.ts'
import { Cluster } from '../support/cluster.ts'
import { ClusterObjects, NAMESPACES, PODS } from '../support/cluster-objects.ts'
import { eventually } from '../support/eventually.ts'
import { RunningOperator } from '../support/running-operator.ts'

const operators = suite('operator: identities and endpoints')

let cluster: Cluster
let objects: ClusterObjects
const running: RunningOperator[] = []

function operator(settings = {}): RunningOperator {
  const made = new RunningOperator({
    kubeconfig: cluster.kubeconfig,
    installCrds: true,
    gcGraceMs: 3_600_000,
    ...settings,
  })
  running.push(made)
  return made
}

/** Resolves once so many pods have an endpoint. */
function numbered(count: number): Promise<Record<string, number>> {
  return eventually(`${count} endpoints`, async () => {
    const numbers = await objects.numbers()
    return Object.keys(numbers).length === count ? numbers : undefined
  })
}

operators.before(async () => {
  cluster = await Cluster.start()
  objects = await ClusterObjects.open(cluster)
})

operators.after(async () => {
  objects?.close()
  await cluster?.stop()
})

operators.after.each(async () => {
  await Promise.all(running.splice(0).map((one) => one.stop()))
  for (const { metadata } of await objects.list<{ metadata: { namespace: string; name: string } }>(PODS))
    await objects.deletePod(metadata.namespace, metadata.name)
  for (const { metadata } of await objects.endpoints())
    await objects.client.delete(ENDPOINTS, { namespace: metadata.namespace, name: metadata.name })
  for (const { metadata } of await objects.identities())
    await objects.client.delete(IDENTITIES, { name: metadata.name })
})

operators('a pod gets an endpoint of its own name, owned by it, with all addresses and an identity', async () => {
  await operator().leading()
  const labels = { app: 'web', 'pod-template-hash': 'abc', 'job-name': 'backup-29102033' }
  const ports = [{ name: 'http', containerPort: 80 }, { containerPort: 9_000 }]
  const uid = await objects.pod({ name: 'web-1', labels, addresses: ['10.1.0.5', 'fd00::5'], ports })
  const number = (await numbered(1))['default/web-1'] ?? 0
  const [endpoint] = await objects.endpoints()
  const [identity] = await objects.identities()
  assert.is(identity?.metadata.name, String(number))
  assert.equal(identity?.['security-labels'], {
    'k8s:app': 'web',
    'k8s:io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name': 'default',
    'k8s:io.cilium.k8s.policy.cluster': 'default',
    'k8s:io.cilium.k8s.policy.serviceaccount': 'default',
    'k8s:io.kubernetes.pod.namespace': 'default',
  })
  assert.equal(endpoint?.metadata.ownerReferences, [{ apiVersion: 'v1', kind: 'Pod', name: 'web-1', uid }])
  assert.equal(endpoint?.status?.['named-ports'], [{ name: 'http', port: 80, protocol: 'TCP' }])
  assert.equal(endpoint?.status?.networking, { addressing: [{ ipv4: '10.1.0.5', ipv6: 'fd00::5' }], node: '10.0.0.1' })
  assert.equal(
    endpoint?.status?.identity?.labels,
    Object.entries(identity?.['security-labels'] ?? {}).map(([key, value]) => `${key}=${value}`),
  )
})

operators('pods of one label set share an identity, other pods, ended ones and the node have none of it', async () => {
  await operator().leading()
  await objects.pod({ name: 'a-1', labels: { app: 'a', 'controller-revision-hash': '1' }, addresses: ['10.1.0.1'] })
  await objects.pod({ name: 'a-2', labels: { app: 'a', 'controller-revision-hash': '2' }, addresses: ['10.1.0.2'] })
  await objects.pod({ name: 'b-1', labels: { app: 'b' }, addresses: ['10.1.0.3'] })
  await objects.pod({ name: 'proxy', labels: { app: 'proxy' }, hostNetwork: true, addresses: ['10.0.0.1'] })
  await objects.pod({ name: 'pending', labels: { app: 'pending' } })
  const numbers = await numbered(3)
  assert.is(numbers['default/a-1'], numbers['default/a-2'])
  assert.is.not(numbers['default/a-1'], numbers['default/b-1'])
  assert.is((await objects.identities()).length, 2)
  await objects.client.merge(
    PODS,
    { namespace: 'default', name: 'b-1', subresource: 'status' },
    { status: { phase: 'Succeeded' } },
  )
  assert.equal(Object.keys(await numbered(2)), ['default/a-1', 'default/a-2'])
})

operators('a change of labels, of namespace labels or of the address is followed', async () => {
  await operator().leading()
  await objects.namespace('shop')
  await objects.pod({ namespace: 'shop', name: 'till', labels: { app: 'till' }, addresses: ['10.2.0.1'] })
  const [first = 0] = Object.values(await numbered(1))
  await objects.client.merge(PODS, { namespace: 'shop', name: 'till' }, { metadata: { labels: { app: 'till2' } } })
  const second = await eventually(
    'a second number',
    async () => (await objects.numbers())['shop/till'] !== first || undefined,
  )
  assert.ok(second)
  const before = (await objects.numbers())['shop/till']
  await objects.client.merge(NAMESPACES, { name: 'shop' }, { metadata: { labels: { team: 'red' } } })
  await eventually('a third number', async () => (await objects.numbers())['shop/till'] !== before || undefined)
  await objects.run('shop', 'till', ['10.2.0.9'])
  await eventually('the new address', async () => {
    const [endpoint] = await objects.endpoints()
    return endpoint?.status?.networking?.addressing[0]?.ipv4 === '10.2.0.9' || undefined
  })
})

operators('a pod that is made again under its name has its endpoint made over to it', async () => {
  await operator().leading()
  await objects.pod({ name: 'db-0', labels: { app: 'db' }, addresses: ['10.1.0.1'] })
  await numbered(1)
  await objects.deletePod('default', 'db-0')
  const uid = await objects.pod({ name: 'db-0', labels: { app: 'db' }, addresses: ['10.1.0.2'] })
  await eventually('the endpoint of the new pod', async () => {
    const [endpoint] = await objects.endpoints()
    return endpoint?.metadata.ownerReferences?.[0]?.uid === uid || undefined
  })
  await objects.deletePod('default', 'db-0')
  await numbered(0)
})

operators('what somebody changes of an endpoint is put right, and two with one number on a node part', async () => {
  const own = operator()
  await own.leading()
  await objects.pod({ name: 'a', labels: { app: 'web' }, addresses: ['10.1.0.1'] })
  await objects.pod({ name: 'b', labels: { app: 'web' }, addresses: ['10.1.0.2'] })
  await numbered(2)
  const [a, b] = await objects.endpoints()
  assert.is.not(a?.status?.id, b?.status?.id)
  await objects.client.merge(ENDPOINTS, { namespace: 'default', name: 'b' }, { status: { id: a?.status?.id } })
  await objects.client.merge(ENDPOINTS, { namespace: 'default', name: 'a' }, { status: { state: 'invalid' } })
  await eventually('both to be right', async () => {
    const [first, second] = await objects.endpoints()
    const right = first?.status?.state === 'ready' && first.status.id === a?.status?.id
    return (right && second?.status?.id !== a?.status?.id) || undefined
  })
  await eventually('two updates', () => own.metric('fovea_operator_endpoints_updated') >= 2 || undefined)
})

operators('what somebody deletes of a living pod is made again', async () => {
  await operator().leading()
  await objects.pod({ name: 'web', labels: { app: 'web' }, addresses: ['10.1.0.1'] })
  const [number] = Object.values(await numbered(1))
  await objects.client.delete(IDENTITIES, { name: String(number) })
  await eventually('the identity', async () => (await objects.identities()).length === 1 || undefined)
  await objects.client.delete(ENDPOINTS, { namespace: 'default', name: 'web' })
  assert.equal(Object.values(await numbered(1)), [number])
})

operators('numbers are the same after a restart, and what went meanwhile is cleared', async () => {
  const first = operator()
  await first.leading()
  for (let i = 0; i < 20; i++)
    await objects.pod({ name: `p-${i}`, labels: { app: `app-${i % 5}` }, addresses: [`10.1.0.${i + 1}`] })
  const before = await numbered(20)
  await running.pop()?.stop()
  await objects.deletePod('default', 'p-19')
  const second = operator()
  const after = await numbered(19)
  for (const [key, number] of Object.entries(after)) assert.is(number, before[key])
  assert.is(second.metric('fovea_operator_identities_created'), 0)
  assert.is(second.metric('fovea_operator_endpoints_created'), 0)
  assert.is(second.metric('fovea_operator_endpoints_updated'), 0)
})

operators('two operators at once, both working, agree on every number', async () => {
  const both = [operator({ leaderElect: false }), operator({ leaderElect: false })]
  await Promise.all(both.map((one) => one.leading()))
  await Promise.all(
    Array.from({ length: 200 }, (_, i) =>
      objects.pod({
        name: `p-${i}`,
        labels: { app: `app-${i % 100}` },
        addresses: [`10.1.${i >> 7}.${1 + (i & 127)}`],
      }),
    ),
  )
  await numbered(200)
  await eventually(
    'both to be done',
    () => both.every((one) => one.metric('fovea_operator_queue_depth') === 0) || undefined,
  )
  const keys = (await objects.identities()).map((identity) => labelsKey(identity['security-labels']))
  assert.is(new Set(keys).size, 100)
  assert.is(keys.length, 100, 'no label set has two numbers')
  const made = both.map((one) => one.metric('fovea_operator_identities_created'))
  console.log(`identities made by each of two racing operators: ${made.join(' and ')}`)
  assert.is((made[0] ?? 0) + (made[1] ?? 0), 100)
})

operators('of two replicas one works, and the other takes over when it goes', async () => {
  const first = operator()
  await first.leading()
  const second = operator()
  await second.logged(/standing by/)
  await objects.pod({ name: 'web', labels: { app: 'web' }, addresses: ['10.1.0.1'] })
  await numbered(1)
  assert.is(second.metric('fovea_kubernetes_objects'), 0, 'the one that stands by reads nothing')
  await running.shift()?.stop()
  await second.leading()
  await objects.pod({ name: 'web-2', labels: { app: 'web' }, addresses: ['10.1.0.2'] })
  const numbers = await numbered(2)
  assert.is(numbers['default/web'], numbers['default/web-2'])
})

operators('an API server that is away for longer than the Lease lasts is waited for', async () => {
  const own = operator()
  await own.leading()
  await cluster.stopApiServer()
  await own.logged(/given up, not renewed for 2000 ms/)
  assert.is(own.metric('fovea_operator_leader'), 0)
  await cluster.startApiServer()
  await objects.pod({ name: 'web', labels: { app: 'web' }, addresses: ['10.1.0.1'] })
  await numbered(1)
  assert.is(own.metric('fovea_operator_leader'), 1)
})

operators('an unused identity is marked, then deleted after the grace period; taken up again it stays', async () => {
  const patient = operator()
  await patient.leading()
  await objects.pod({ name: 'web', labels: { app: 'web' }, addresses: ['10.1.0.1'] })
  const [number] = Object.values(await numbered(1))
  await objects.deletePod('default', 'web')
  const marked = () => objects.identities().then(([identity]) => identity?.metadata.annotations?.[UNUSED_SINCE])
  await eventually('the mark', marked)
  await objects.pod({ name: 'web', labels: { app: 'web' }, addresses: ['10.1.0.1'] })
  assert.equal(Object.values(await numbered(1)), [number])
  assert.is(await marked(), undefined)
  await running.pop()?.stop()
  const quick = operator({ gcGraceMs: 1_000 })
  await quick.leading()
  await objects.deletePod('default', 'web')
  await eventually('the deletion', async () => (await objects.identities()).length === 0 || undefined)
  assert.is(quick.metric('fovea_operator_identities_deleted'), 1)
})

operators("Cilium's own objects are used and never changed", async () => {
  const own = operator({ gcGraceMs: 0 })
  await own.leading()
  const cilium = {
    apiVersion: 'cilium.io/v2',
    kind: 'CiliumIdentity',
    metadata: { name: '4711' },
    'security-labels': {
      'k8s:app': 'web',
      'k8s:io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name': 'default',
      'k8s:io.cilium.k8s.policy.cluster': 'default',
      'k8s:io.cilium.k8s.policy.serviceaccount': 'default',
      'k8s:io.kubernetes.pod.namespace': 'default',
    },
  }
  await objects.client.create(IDENTITIES, {}, cilium)
  await objects.client.create(
    IDENTITIES,
    {},
    // Cilium copies labels of pods: one that says so does not make it this operator's.
    {
      ...cilium,
      metadata: { name: '4712', labels: { 'app.kubernetes.io/managed-by': 'fovea-operator' } },
      'security-labels': { 'k8s:x': 'y' },
    },
  )
  const foreign = {
    apiVersion: 'cilium.io/v2',
    kind: 'CiliumEndpoint',
    metadata: { name: 'theirs' },
    status: { id: 7 },
  }
  await objects.client.create(ENDPOINTS, { namespace: 'default' }, foreign)
  await objects.pod({ name: 'theirs', labels: { app: 'web' }, addresses: ['10.1.0.1'] })
  await objects.pod({ name: 'ours', labels: { app: 'web' }, addresses: ['10.1.0.2'] })
  const numbers = await numbered(2)
  assert.equal(numbers, { 'default/ours': 4711, 'default/theirs': 0 })
  await objects.deletePod('default', 'theirs')
  await objects.deletePod('default', 'ours')
  await numbered(1)
  const passes = own.metric('fovea_operator_identity_gc_passes')
  await eventually('two more passes', () => own.metric('fovea_operator_identity_gc_passes') > passes + 1 || undefined)
  const left = (await objects.identities()).map(({ metadata }) => [metadata.name, metadata.annotations])
  assert.equal(left, [
    ['4711', undefined],
    ['4712', undefined],
  ])
})

operators.run()
