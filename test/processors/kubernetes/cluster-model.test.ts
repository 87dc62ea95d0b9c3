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

pods('an address that is used again names each pod in its own time', () => {
  const cluster = new TestCluster()
  cluster.put('pod', runningPod('one', ['10.1.0.1']))
  const ended = runningPod('one', ['10.1.0.1'])
  const terminated = { finishedAt: '2026-01-01T00:01:00Z' }
  cluster.put('pod', {
    ...ended,
    status: { ...(ended.status as object), phase: 'Failed', containerStatuses: [{ state: { terminated } }] },
  })
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

pods('a change of labels is a new endpoint, and flows that are kept go on to name the old one', () => {
  const cluster = new TestCluster()
  cluster.put('pod', runningPod('web', ['10.1.0.1'], { labels: { app: 'web' } }))
  const before = cluster.end('10.1.0.1')!
  cluster.put('pod', runningPod('web', ['10.1.0.1'], { labels: { app: 'shop' } }))
  const after = cluster.end('10.1.0.1')!
  assert.ok(before.labels.includes('k8s:app=web') && after.labels.includes('k8s:app=shop'))
  assert.is.not(before.identity, after.identity)
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

pods.run()

const hosts = suite('nodes and pods on their network')

hosts('this node is the host, another one a remote node, each with its name', () => {
  const cluster = new TestCluster()
  cluster.put('node', node('node-1', ['192.168.0.1']))
  cluster.put('node', node('node-2', ['192.168.0.2', 'fd02::2']))
  assert.equal([cluster.end('192.168.0.1')?.identity, cluster.who('192.168.0.1')], [1, 'reserved:host'])
  assert.equal([cluster.end('fd02::2')?.identity, cluster.who('fd02::2')], [6, 'reserved:remote-node'])
  assert.is(cluster.end('192.168.0.2')?.nodeName, 'node-2')
})

hosts('a pod on the network of its node is told apart by its containers’ ports', () => {
  const cluster = new TestCluster()
  cluster.put('node', node('node-2', ['192.168.0.2']))
  const proxy = runningPod('proxy', ['192.168.0.2'], {
    node: 'node-2',
    hostNetwork: true,
    ports: [{ containerPort: 9_100 }],
  })
  cluster.put('pod', proxy)
  const end = cluster.end('192.168.0.2', 9_100)!
  assert.equal([end.podName, end.identity, end.localId], ['proxy', 6, 0])
  assert.ok(end.labels.includes('reserved:remote-node'))
  assert.is(cluster.who('192.168.0.2', 9_101), 'reserved:remote-node')
  cluster.remove('pod', proxy)
  assert.is(cluster.who('192.168.0.2', 9_100), 'reserved:remote-node')
})

hosts('the first addresses of a node’s pod network are the node’s, unless a pod has them', () => {
  const cluster = new TestCluster()
  cluster.put('node', { ...node('node-2', ['192.168.0.2']), spec: { podCIDRs: ['10.1.2.0/24', 'fd00:2::/64'] } })
  assert.equal(
    ['10.1.2.0', '10.1.2.1', 'fd00:2::1'].map((ip) => cluster.end(ip)?.nodeName),
    Array(3).fill('node-2'),
  )
  cluster.put('pod', runningPod('early', ['10.1.2.1']))
  assert.is(cluster.who('10.1.2.1'), 'default/early')
  assert.ok(
    cluster.model.podNetworks.has(
      new Uint32Array(Uint8Array.of(...Array(10).fill(0), 255, 255, 10, 1, 2, 99).buffer),
      0,
    ),
  )
})

hosts('nodes with an API server say so, and an API server elsewhere is one', () => {
  const cluster = new TestCluster()
  cluster.put('node', node('node-1', ['192.168.0.1']))
  cluster.put('node', node('node-2', ['192.168.0.2']))
  const servers = slice('kubernetes', 'kubernetes', ['192.168.0.1', '192.168.0.2', '203.0.113.1'], [6_443])
  cluster.put('slice', servers)
  assert.is(cluster.who('192.168.0.1'), 'reserved:host reserved:kube-apiserver')
  assert.is(cluster.who('192.168.0.2'), 'reserved:kube-apiserver reserved:remote-node')
  assert.is(cluster.who('203.0.113.1'), 'reserved:kube-apiserver reserved:world')
  assert.equal(
    ['192.168.0.1', '192.168.0.2', '203.0.113.1'].map((ip) => cluster.end(ip)?.identity),
    [1, 7, 7],
  )
  assert.is(cluster.service('203.0.113.1', 6_443), 'default/kubernetes')
  cluster.put('slice', slice('kubernetes', 'kubernetes', ['192.168.0.2'], [6_443]))
  assert.equal([cluster.who('192.168.0.1'), cluster.who('203.0.113.1')], ['reserved:host', ''])
})

hosts('agents’ pods make peers; a rolling update changes the address, the end of the last one ends it', () => {
  const cluster = new TestCluster()
  const told: string[] = []
  cluster.table.cluster.listen(({ at, peer }) => told.push(`${at} ${peer.node} ${peer.address}`))
  const agent = (name: string, ip: string) => runningPod(name, [ip], { node: 'node-2', labels: { app: 'fovea' } })
  cluster.put('pod', agent('a', '192.168.0.2'))
  cluster.put('pod', agent('b', '192.168.0.3'))
  cluster.remove('pod', agent('a', '192.168.0.2'))
  cluster.remove('pod', agent('b', '192.168.0.3'))
  assert.equal(told, ['added node-2 192.168.0.2', 'updated node-2 192.168.0.3', 'deleted node-2 192.168.0.3'])
})

hosts.run()

const services = suite('services')

const SHOP = {
  metadata: { name: 'shop' },
  spec: {
    clusterIPs: ['10.96.0.10', 'fd96::a'],
    externalIPs: ['203.0.113.9'],
    ports: [{ port: 80, nodePort: 30_080 }],
  },
}

/** A service with two pods behind it. */
function shop(): TestCluster {
  const cluster = new TestCluster()
  cluster.put('slice', slice('shop-1', 'shop', ['10.1.0.1', '10.1.0.2'], [8_080]))
  cluster.put('service', SHOP)
  for (const i of [1, 2]) cluster.put('pod', runningPod(`shop-${i}`, [`10.1.0.${i}`], { labels: { app: 'shop' } }))
  cluster.put('node', node('node-2', ['192.168.0.2']))
  return cluster
}

services('a service is named at its addresses, at node ports, and at its backends by their port', () => {
  const cluster = shop()
  const named = [
    ['10.96.0.10', 1],
    ['fd96::a', 80],
    ['203.0.113.9', 80],
    ['192.168.0.2', 30_080],
    ['10.1.0.2', 8_080],
  ] as const
  for (const [address, port] of named) assert.is(cluster.service(address, port), 'default/shop', `${address} ${port}`)
  for (const [address, port] of [
    ['192.168.0.2', 30_081],
    ['10.1.0.2', 45_678],
  ] as const)
    assert.is(cluster.service(address, port), '', `${address} ${port}`)
  assert.equal(
    [cluster.who('192.168.0.2', 30_080), cluster.who('10.1.0.2', 8_080)],
    ['reserved:remote-node', 'default/shop-2'],
  )
})

services('its own address shows the identity and labels that its backends share', () => {
  const cluster = shop()
  const [own, backend] = [cluster.end('10.96.0.10')!, cluster.end('10.1.0.1')!]
  assert.equal(
    [own.identity, own.labels, own.namespace, own.podName],
    [backend.identity, backend.labels, 'default', ''],
  )
  cluster.put('pod', runningPod('shop-2', ['10.1.0.2'], { labels: { app: 'other' } }))
  cluster.model.sweep()
  assert.equal([cluster.end('10.96.0.10')?.identity, cluster.who('10.96.0.10')], [3, 'reserved:unmanaged'])
})

services('of several services a ClusterIP comes before a headless one; of two with a ClusterIP none is named', () => {
  const cluster = shop()
  const headless = slice('shop-h', 'shop-h', ['10.1.0.1'], [8_080])
  Object.assign(headless.metadata, {
    labels: { ...(headless.metadata.labels as object), 'service.kubernetes.io/headless': '' },
  })
  cluster.put('slice', headless)
  assert.is(cluster.service('10.1.0.1', 8_080), 'default/shop')
  const second = slice('canary-1', 'canary', ['10.1.0.1'], [8_080])
  cluster.put('slice', second)
  assert.equal([cluster.service('10.1.0.1', 8_080), cluster.who('10.1.0.1', 8_080)], ['', 'default/shop-1'])
  cluster.remove('slice', second)
  assert.is(cluster.service('10.1.0.1', 8_080), 'default/shop')
  cluster.remove('slice', slice('shop-1', 'shop', [], []))
  assert.is(cluster.service('10.1.0.1', 8_080), 'default/shop-h')
})

services('services that share a load balancer’s address are told apart by port', () => {
  const cluster = shop()
  cluster.put('service', { metadata: { name: 'mail' }, spec: { externalIPs: ['203.0.113.9'], ports: [{ port: 25 }] } })
  assert.equal(
    [80, 25].map((port) => cluster.service('203.0.113.9', port)),
    ['default/shop', 'default/mail'],
  )
})

services('a slice that changes leaves nothing behind', () => {
  const cluster = shop()
  cluster.put('slice', slice('shop-1', 'shop', ['10.1.0.2'], [9_090]))
  assert.equal([cluster.service('10.1.0.1', 8_080), cluster.service('10.1.0.2', 8_080)], ['', ''])
  assert.is(cluster.service('10.1.0.2', 9_090), 'default/shop')
})

services('a service that is gone is named nowhere, and its number may be another’s', () => {
  const cluster = shop()
  assert.is(cluster.service('10.1.0.1', 8_080), 'default/shop')
  cluster.remove('slice', slice('shop-1', 'shop', [], []))
  cluster.remove('service', SHOP)
  cluster.nowMs += 400_000
  cluster.model.sweep()
  cluster.put('service', { metadata: { name: 'new' }, spec: { clusterIPs: ['10.96.0.11'] } })
  cluster.put('slice', slice('new-1', 'new', ['10.1.0.1'], [8_080]))
  assert.equal([cluster.service('10.1.0.1', 8_080), cluster.service('192.168.0.2', 30_080)], ['default/new', ''])
  assert.is(cluster.service('10.96.0.10', 80), '')
})

services.run()

const identities = suite('identities')

const LABELS = {
  'k8s:app': 'web',
  'k8s:io.cilium.k8s.policy.cluster': 'default',
  'k8s:io.cilium.k8s.policy.serviceaccount': 'default',
  'k8s:io.kubernetes.pod.namespace': 'default',
}

identities('the number of a CiliumIdentity with the same labels counts, that of the pod’s CiliumEndpoint more', () => {
  const cluster = new TestCluster()
  const web = runningPod('web', ['10.1.0.1'], { labels: { app: 'web' } })
  cluster.put('pod', web)
  const computed = cluster.end('10.1.0.1')!.identity
  cluster.put('ciliumIdentity', { metadata: { name: '300' }, 'security-labels': LABELS })
  cluster.model.sweep()
  assert.is(cluster.end('10.1.0.1')?.identity, 300)
  const endpoint = { metadata: { name: 'web' }, status: { id: 9, identity: { id: 301 } } }
  cluster.put('ciliumEndpoint', endpoint)
  assert.equal([cluster.end('10.1.0.1')?.identity, cluster.end('10.1.0.1')?.localId], [301, 9])
  cluster.remove('ciliumEndpoint', endpoint)
  cluster.remove('ciliumIdentity', { metadata: { name: '300' } })
  cluster.model.sweep()
  assert.is(cluster.end('10.1.0.1')?.identity, computed)
})

identities('labels are those of the identity that the endpoint has', () => {
  const cluster = new TestCluster()
  cluster.put('pod', runningPod('web', ['10.1.0.1'], { labels: { app: 'web' } }))
  cluster.put('ciliumIdentity', { metadata: { name: '400' }, 'security-labels': { 'k8s:team': 'a' } })
  cluster.put('ciliumEndpoint', { metadata: { name: 'web' }, status: { identity: { id: 400 } } })
  assert.equal(cluster.end('10.1.0.1')?.labels, ['k8s:team=a'])
})

identities.run()
