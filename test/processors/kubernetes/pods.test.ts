import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { preferredIdentity } from '../../../src/kubernetes/identity-number.ts'
import { node, runningPod, START_MS, slice, TestCluster } from '../../support/kubernetes-model.ts'

const pods = suite('pods')

pods('an end carries everything that is known of its pod', () => {
  const cluster = new TestCluster({ names: { cluster: 'east', node: 'node-1' } })
  cluster.put('node', node('node-1', ['192.168.0.1'], { labels: { 'topology.kubernetes.io/zone': 'z1' } }))
  cluster.put('namespace', { metadata: { name: 'shop', labels: { team: 'a' } } })
  const labels = { app: 'cart', 'pod-template-hash': 'abc' }
  const owner = { kind: 'ReplicaSet', name: 'cart-abc' }
  cluster.put('pod', runningPod('cart-abc-1', ['10.1.0.1', 'fd00::1'], { namespace: 'shop', labels, owner }))
  const end = cluster.end('10.1.0.1')!
  const shown = [
    'k8s:app=cart',
    'k8s:io.cilium.k8s.namespace.labels.team=a',
    'k8s:io.cilium.k8s.policy.cluster=east',
    'k8s:io.cilium.k8s.policy.serviceaccount=default',
    'k8s:io.kubernetes.pod.namespace=shop',
  ]
  assert.equal(end.labels, shown)
  assert.is(end.identity, preferredIdentity(`${shown.join(';')};`))
  assert.equal([end.namespace, end.podName, end.clusterName], ['shop', 'cart-abc-1', 'east'])
  assert.equal([end.nodeName, end.zone], ['node-1', 'z1'])
  assert.equal(end.workloads, [{ kind: 'Deployment', name: 'cart' }])
  assert.ok(end.localId > 0 && end.localId < 65_536)
  assert.is(cluster.end('fd00::1'), end)
})

const workloads = [
  { owner: undefined, is: 'Pod web-1' },
  { owner: { kind: 'StatefulSet', name: 'db' }, is: 'StatefulSet db' },
  { owner: { kind: 'DaemonSet', name: 'agent' }, is: 'DaemonSet agent' },
  { owner: { kind: 'ReplicaSet', name: 'web-77' }, labels: { 'pod-template-hash': '77' }, is: 'Deployment web' },
  { owner: { kind: 'ReplicaSet', name: 'web' }, is: 'ReplicaSet web' },
  { owner: { kind: 'Node', name: 'node-1' }, is: 'Pod web-1' },
]

for (const { owner, labels = {}, is } of workloads) {
  pods(`the workload behind ${owner?.kind ?? 'nothing'} ${owner?.name ?? ''} is ${is}`, () => {
    const cluster = new TestCluster()
    cluster.put('pod', runningPod('web-1', ['10.1.0.1'], { labels, ...(owner && { owner }) }))
    const [workload] = cluster.end('10.1.0.1')!.workloads
    assert.is(`${workload?.kind} ${workload?.name}`, is)
  })
}

pods('every interface that Multus tells counts, and what is no address does not', () => {
  const cluster = new TestCluster()
  const status = [
    { name: 'default/flannel', ips: ['10.1.0.1'], default: true },
    { name: 'net1', ips: ['172.16.0.9', 'fd01::9', 'nonsense'] },
    { name: 'net2' },
    null,
  ]
  const annotations = { 'k8s.v1.cni.cncf.io/network-status': JSON.stringify(status) }
  cluster.put('pod', runningPod('multi', ['10.1.0.1'], { annotations }))
  assert.equal(
    ['10.1.0.1', '172.16.0.9', 'fd01::9'].map((ip) => cluster.who(ip)),
    Array(3).fill('default/multi'),
  )
  cluster.put('pod', runningPod('broken', ['10.1.0.2'], { annotations: { 'k8s.v1.cni.cncf.io/network-status': '{' } }))
  assert.is(cluster.who('10.1.0.2'), 'default/broken')
})

for (const phase of ['Failed', 'Succeeded'])
  pods(`an address that is used again after a pod ${phase} names each in its own time`, () => {
    const cluster = new TestCluster()
    cluster.put('pod', runningPod('one', ['10.1.0.1']))
    const ended = runningPod('one', ['10.1.0.1'])
    const terminated = { finishedAt: '2026-01-01T00:01:00Z' }
    const containerStatuses = [{ state: { terminated } }]
    cluster.nowMs = START_MS + 62_000
    cluster.put('pod', { ...ended, status: { ...(ended.status as object), phase, containerStatuses } })
    cluster.nowMs = START_MS + 65_000
    cluster.remove('pod', ended)
    cluster.put('pod', runningPod('two', ['10.1.0.1'], { startTime: '2026-01-01T00:01:03Z' }))
    const at = (seconds: number) => cluster.who('10.1.0.1', 0, START_MS + seconds * 1_000)
    assert.equal([30, 60.5, 62, 64].map(at), ['default/one', 'default/one', '', 'default/two'])
  })

pods('a pod that comes back under its name is another one', () => {
  const cluster = new TestCluster()
  const first = runningPod('db-0', ['10.1.0.1'], { uid: 'a' })
  cluster.put('pod', first)
  cluster.put('ciliumEndpoint', {
    metadata: { name: 'db-0', ownerReferences: [{ kind: 'Pod', uid: 'a', name: 'db-0' }] },
    status: { id: 7, identity: { id: 4_711 } },
  })
  assert.equal([cluster.end('10.1.0.1')?.identity, cluster.end('10.1.0.1')?.localId], [4_711, 7])
  cluster.nowMs += 60_000
  cluster.put('pod', runningPod('db-0', ['10.1.0.2'], { uid: 'b', startTime: '2026-01-01T00:00:50Z' }))
  assert.is(cluster.who('10.1.0.1'), '')
  assert.is(cluster.who('10.1.0.1', 0, START_MS + 1_000), 'default/db-0')
  assert.is.not(cluster.end('10.1.0.2')?.identity, 4_711)
})

pods('a change of labels is a new endpoint; flows of before, late ones too, show the old one', () => {
  const cluster = new TestCluster()
  cluster.put('pod', runningPod('web', ['10.1.0.1'], { labels: { app: 'web' } }))
  cluster.put('slice', slice('shop-1', 'shop', ['10.1.0.1'], [8_080]))
  const before = cluster.end('10.1.0.1')!
  cluster.nowMs += 1_500
  cluster.put('pod', runningPod('web', ['10.1.0.1'], { labels: { app: 'shop' } }))
  const after = cluster.end('10.1.0.1')!
  assert.ok(before.labels.includes('k8s:app=web') && after.labels.includes('k8s:app=shop'))
  assert.is.not(before.identity, after.identity)
  const early = cluster.nowMs - 1
  assert.equal([cluster.end('10.1.0.1', 0, early), cluster.end('10.1.0.1')], [before, after])
  const asService = cluster.end('10.1.0.1', 8_080, early)
  assert.equal([asService?.labels, asService?.service?.name], [before.labels, 'shop'])
  assert.is(cluster.end('10.1.0.1', 8_080, early), asService)
  assert.is(cluster.table.waiting, 0)
  cluster.nowMs += 300_001
  cluster.model.sweep()
  assert.is(cluster.table.waiting, 2)
  assert.is(cluster.model.history, 0)
})

pods('each of several changes shows in flows of its time', () => {
  const cluster = new TestCluster()
  for (const app of ['a', 'b', 'c']) {
    cluster.put('pod', runningPod('web', ['10.1.0.1'], { labels: { app } }))
    cluster.end('10.1.0.1')
    cluster.nowMs += 700
  }
  const at = (ms: number) => cluster.end('10.1.0.1', 0, START_MS + ms)?.labels[0]
  assert.equal(
    [0, 699.9, 700, 1_399, 1_400, 9_000].map(at),
    ['a', 'a', 'b', 'b', 'c', 'c'].map((app) => `k8s:app=${app}`),
  )
})

pods('how pods were shown before is known of so many at a time, and what is forgotten is counted', () => {
  const cluster = new TestCluster({ limits: { historyMs: 300_000, maxHistory: 2 } })
  for (const app of ['a', 'b', 'c', 'd']) {
    cluster.put('pod', runningPod('web', ['10.1.0.1'], { labels: { app } }))
    cluster.end('10.1.0.1')
    cluster.nowMs += 1_000
  }
  assert.equal([cluster.model.history, cluster.model.evicted], [2, 1])
  assert.is(cluster.table.waiting, 1)
})

pods('an update that changes nothing flows show makes no new endpoint', () => {
  const cluster = new TestCluster()
  cluster.put('pod', runningPod('web', ['10.1.0.1'], { labels: { app: 'web' } }))
  const before = cluster.end('10.1.0.1')
  cluster.put('pod', runningPod('web', ['10.1.0.1'], { labels: { app: 'web', 'pod-template-hash': 'x' } }))
  assert.is(cluster.end('10.1.0.1'), before)
})

pods('labels and zone that come after the pod are shown from then on', () => {
  const cluster = new TestCluster()
  cluster.put('pod', runningPod('web', ['10.1.0.1']))
  assert.is(cluster.end('10.1.0.1')?.zone, '')
  cluster.put('node', node('node-1', ['192.168.0.1'], { labels: { 'topology.kubernetes.io/zone': 'z1' } }))
  cluster.put('namespace', { metadata: { name: 'default', labels: { team: 'a' } } })
  assert.is(cluster.end('10.1.0.1')?.zone, 'z1')
  assert.ok(cluster.end('10.1.0.1')?.labels.includes('k8s:io.cilium.k8s.namespace.labels.team=a'))
  cluster.put('node', node('node-1', ['192.168.0.1'], { labels: { 'topology.kubernetes.io/zone': 'z2' } }))
  cluster.put('namespace', { metadata: { name: 'default', labels: { team: 'b' } } })
  assert.is(cluster.end('10.1.0.1')?.zone, 'z2')
  assert.ok(cluster.end('10.1.0.1')?.labels.includes('k8s:io.cilium.k8s.namespace.labels.team=b'))
})

pods('everything of a pod is forgotten some time after it is gone', () => {
  const cluster = new TestCluster()
  const { ownership, owners } = cluster.model
  const [addresses, own] = [ownership.addresses.size, owners.size]
  for (let i = 0; i < 50; i++) {
    const pod = runningPod(`web-${i}`, [`10.1.0.${i}`, `fd00::${i}`])
    cluster.put('pod', pod)
    cluster.end(`10.1.0.${i}`)
    cluster.remove('pod', pod)
  }
  assert.is(ownership.history, 100)
  cluster.nowMs += 300_001
  cluster.model.sweep()
  assert.equal([ownership.addresses.size, owners.size, ownership.history], [addresses, own, 0])
  assert.is(cluster.table.waiting, 50)
})

pods('pods that get each other’s addresses, as after a restart of their node, are found at their new ones', () => {
  const cluster = new TestCluster()
  const [older, newer] = ['2026-01-01T00:00:00Z', '2026-01-01T00:10:00Z'].map((startTime) => ({ startTime }))
  cluster.nowMs = START_MS + 700_000
  cluster.put('pod', runningPod('older', ['10.1.0.1'], older))
  cluster.put('pod', runningPod('newer', ['10.1.0.2'], newer))
  cluster.nowMs = START_MS + 800_000
  cluster.put('pod', runningPod('older', ['10.1.0.2'], older))
  cluster.nowMs += 100
  cluster.put('pod', runningPod('newer', ['10.1.0.1'], newer))
  const at = (ms: number) => ['10.1.0.1', '10.1.0.2'].map((ip) => cluster.who(ip, 0, START_MS + ms))
  assert.equal(at(801_000), ['default/newer', 'default/older'])
  assert.equal(at(750_000), ['default/older', 'default/newer'])
})

pods('a pod that waited long for its address takes it over from one that began later and is gone', () => {
  const cluster = new TestCluster()
  const began = { startTime: '2026-01-01T00:05:00Z' }
  cluster.nowMs = START_MS + 400_000
  cluster.put('pod', runningPod('brief', ['10.1.0.1'], began))
  cluster.nowMs += 60_000
  cluster.remove('pod', runningPod('brief', ['10.1.0.1'], began))
  cluster.put('pod', runningPod('patient', ['10.1.0.1']))
  assert.is(cluster.who('10.1.0.1', 0, cluster.nowMs + 1_000), 'default/patient')
})

pods('the same where its address is told before the other one is gone', () => {
  const cluster = new TestCluster()
  const began = { startTime: '2026-01-01T00:05:00Z' }
  cluster.nowMs = START_MS + 400_000
  cluster.put('pod', runningPod('brief', ['10.1.0.1'], began))
  cluster.nowMs += 60_000
  const patient = runningPod('patient', ['10.1.0.1'])
  cluster.put('pod', patient)
  assert.is(cluster.who('10.1.0.1'), 'default/brief')
  cluster.nowMs += 1_000
  cluster.remove('pod', runningPod('brief', ['10.1.0.1'], began))
  assert.is(cluster.who('10.1.0.1', 0, cluster.nowMs + 1_000), 'default/patient')
  cluster.remove('pod', patient)
  cluster.nowMs += 300_001
  cluster.model.sweep()
  assert.equal([cluster.model.owners.size, cluster.model.ownership.addresses.size], [1, 0])
})

pods('an interface more or less leaves the other addresses of a pod as they are', () => {
  const cluster = new TestCluster()
  const status = (ips: string[]) => ({ 'k8s.v1.cni.cncf.io/network-status': JSON.stringify([{ ips }]) })
  cluster.put('pod', runningPod('multi', ['10.1.0.1'], { annotations: status(['172.16.0.9']) }))
  cluster.nowMs += 60_000
  cluster.put('pod', runningPod('multi', ['10.1.0.1'], { annotations: status(['172.16.0.10']) }))
  const at = (ms: number) => ['10.1.0.1', '172.16.0.9', '172.16.0.10'].map((ip) => cluster.who(ip, 0, START_MS + ms))
  assert.equal(at(30_000), ['default/multi', 'default/multi', ''])
  assert.equal(at(61_000), ['default/multi', '', 'default/multi'])
})

pods('an evicted pod, of which nobody says when it ended, leaves its address to the next one from its start on', () => {
  const cluster = new TestCluster()
  const evicted = runningPod('evicted', ['10.1.0.1'])
  cluster.nowMs = START_MS + 100_000
  cluster.put('pod', { ...evicted, status: { ...(evicted.status as object), phase: 'Failed' } })
  cluster.put('pod', runningPod('next', ['10.1.0.1'], { startTime: '2026-01-01T00:01:00Z' }))
  const at = (seconds: number) => cluster.who('10.1.0.1', 0, START_MS + seconds * 1_000)
  assert.equal([30, 80, 101].map(at), ['default/evicted', '', 'default/next'])
})

pods('a sidecar that ends after the other containers is the pod as long as it runs', () => {
  const cluster = new TestCluster()
  const pod = runningPod('job', ['10.1.0.1'])
  const ended = (at: string) => [{ state: { terminated: { finishedAt: at } } }]
  const containerStatuses = ended('2026-01-01T00:01:00Z')
  const initContainerStatuses = ended('2026-01-01T00:01:20Z')
  cluster.nowMs = START_MS + 90_000
  const status = { ...(pod.status as object), phase: 'Succeeded', containerStatuses, initContainerStatuses }
  cluster.put('pod', { ...pod, status })
  assert.is(cluster.who('10.1.0.1', 0, START_MS + 79_000), 'default/job')
})

pods(
  'clocks of other nodes that are ahead do not keep an address from the pod that has it, nor for one that is gone',
  () => {
    const cluster = new TestCluster()
    const pod = runningPod('ahead', ['10.1.0.1'], { startTime: '2026-01-01T00:01:00Z' })
    cluster.put('pod', pod)
    assert.is(cluster.who('10.1.0.1'), 'default/ahead')
    cluster.nowMs += 10_000
    const containerStatuses = [{ state: { terminated: { finishedAt: '2026-01-01T00:01:10Z' } } }]
    cluster.put('pod', { ...pod, status: { ...(pod.status as object), phase: 'Failed', containerStatuses } })
    assert.is(cluster.who('10.1.0.1', 0, cluster.nowMs + 1), '')
  },
)

pods.run()
