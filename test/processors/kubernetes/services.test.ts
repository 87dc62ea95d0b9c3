import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { node, runningPod, START_MS, slice, TestCluster } from '../../support/kubernetes-model.ts'

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

services('a service without backends is managed by nobody, but flows of before show whose it was', () => {
  const cluster = shop()
  const before = cluster.end('10.96.0.10')
  cluster.nowMs += 2_000
  cluster.remove('slice', slice('shop-1', 'shop', [], []))
  assert.is(cluster.who('10.96.0.10'), 'reserved:unmanaged')
  assert.is(cluster.end('10.96.0.10', 80, cluster.nowMs - 1), before)
  assert.is(cluster.service('10.96.0.10'), 'default/shop')
})

services('an address that services share is the other one’s when the first one goes', () => {
  const cluster = shop()
  const mail = { metadata: { name: 'mail' }, spec: { externalIPs: ['203.0.113.9'], ports: [{ port: 25 }] } }
  cluster.put('service', mail)
  cluster.nowMs += 10_000
  cluster.remove('service', SHOP)
  cluster.nowMs += 1_000
  cluster.model.sweep()
  cluster.nowMs += 1_000
  assert.equal(
    [25, 80].map((port) => cluster.service('203.0.113.9', port)),
    ['default/mail', 'default/mail'],
  )
  cluster.remove('service', mail)
  cluster.nowMs += 300_001
  cluster.model.sweep()
  assert.is(cluster.who('203.0.113.9'), '')
})

services('an address that a load balancer has from a node is the service’s once the node is gone', () => {
  const cluster = shop()
  cluster.put('service', { metadata: { name: 'vip' }, spec: { externalIPs: ['192.168.0.2'], ports: [{ port: 25 }] } })
  assert.equal(
    [cluster.who('192.168.0.2', 26), cluster.service('192.168.0.2', 25)],
    ['reserved:remote-node', 'default/vip'],
  )
  cluster.remove('node', node('node-2', ['192.168.0.2']))
  cluster.nowMs += 1_000
  cluster.model.sweep()
  cluster.nowMs += 1_000
  assert.is(cluster.service('192.168.0.2', 25), 'default/vip')
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

/** What `look` finds 2 s and 4 s after everything began, and now. */
function then<T>(cluster: TestCluster, look: (timeMs: number) => T): T[] {
  return [START_MS + 2_000, START_MS + 4_000, cluster.nowMs].map(look)
}

services('a ClusterIP that is freed and given out again names each service in its own time', () => {
  const cluster = shop()
  cluster.nowMs += 3_000
  cluster.remove('slice', slice('shop-1', 'shop', [], []))
  cluster.remove('service', SHOP)
  cluster.nowMs += 2_000
  const metadata = { name: 'mail', creationTimestamp: '2026-01-01T00:00:05Z' }
  cluster.put('service', { metadata, spec: { clusterIPs: ['10.96.0.10'], ports: [{ port: 80 }] } })
  cluster.nowMs += 1_000
  assert.equal(
    then(cluster, (timeMs) => cluster.service('10.96.0.10', 80, timeMs)),
    ['default/shop', '', 'default/mail'],
  )
})

services('ports of load balancers and nodes, too', () => {
  const cluster = shop()
  cluster.nowMs += 3_000
  cluster.remove('service', SHOP)
  cluster.nowMs += 2_000
  const ports = [{ port: 80, nodePort: 30_080 }]
  const metadata = { name: 'mail', creationTimestamp: '2026-01-01T00:00:05Z' }
  cluster.put('service', { metadata, spec: { externalIPs: ['203.0.113.9'], ports } })
  cluster.nowMs += 1_000
  for (const [address, port] of [
    ['203.0.113.9', 80],
    ['192.168.0.2', 30_080],
  ] as const)
    assert.equal(
      then(cluster, (timeMs) => cluster.service(address, port, timeMs)),
      ['default/shop', '', 'default/mail'],
      address,
    )
})

services('a backend’s address that another service’s pod gets names pod and service in their own time', () => {
  const cluster = shop()
  cluster.nowMs += 3_000
  cluster.put('slice', slice('shop-1', 'shop', ['10.1.0.2'], [8_080]))
  cluster.remove('pod', runningPod('shop-1', ['10.1.0.1'], { labels: { app: 'shop' } }))
  cluster.nowMs += 2_000
  cluster.put('pod', runningPod('mail-1', ['10.1.0.1'], { startTime: '2026-01-01T00:00:05Z' }))
  cluster.put('slice', slice('mail-1', 'mail', ['10.1.0.1'], [8_080]))
  cluster.nowMs += 1_000
  assert.equal(
    then(cluster, (timeMs) => [cluster.who('10.1.0.1', 8_080, timeMs), cluster.service('10.1.0.1', 8_080, timeMs)]),
    [
      ['default/shop-1', 'default/shop'],
      ['', ''],
      ['default/mail-1', 'default/mail'],
    ],
  )
})

services('a backend that is away for a moment is its service’s all the time before and after', () => {
  const cluster = shop()
  cluster.nowMs += 3_000
  cluster.put('slice', slice('shop-1', 'shop', ['10.1.0.2'], [8_080]))
  cluster.nowMs += 2_000
  cluster.put('slice', slice('shop-1', 'shop', ['10.1.0.1', '10.1.0.2'], [8_080]))
  cluster.nowMs += 1_000
  assert.equal(
    then(cluster, (timeMs) => cluster.service('10.1.0.1', 8_080, timeMs)),
    Array(3).fill('default/shop'),
  )
})

services('nothing is left of services that are gone once history is over', () => {
  const cluster = new TestCluster()
  const { ownership, owners } = cluster.model
  const before = [ownership.addresses.size, owners.size]
  cluster.put('service', SHOP)
  cluster.put('slice', slice('shop-1', 'shop', ['10.1.0.1', '10.1.0.2'], [8_080, 9_090]))
  cluster.remove('slice', slice('shop-1', 'shop', [], []))
  cluster.remove('service', SHOP)
  // Three addresses of its own, and six ports: at an address, at nodes, and four of backends.
  assert.is(cluster.model.history, 9)
  cluster.nowMs += 300_001
  cluster.model.sweep()
  assert.equal([ownership.addresses.size, owners.size, cluster.model.history], [...before, 0])
})

services.run()
