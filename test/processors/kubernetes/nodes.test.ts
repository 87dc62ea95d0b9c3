import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { node, runningPod, START_MS, slice, TestCluster, type Written } from '../../support/kubernetes-model.ts'

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

/** A pod on the network of node-2 that listens at 9100. */
function exporter(name: string, startTime: string): Written {
  const network = { node: 'node-2', hostNetwork: true, ports: [{ containerPort: 9_100 }] }
  return runningPod(name, ['192.168.0.2'], { ...network, startTime })
}

hosts('a port of the host names each pod that had it in its own time', () => {
  const cluster = new TestCluster()
  cluster.put('node', node('node-2', ['192.168.0.2']))
  const first = exporter('exporter-1', '2026-01-01T00:00:01Z')
  cluster.put('pod', first)
  cluster.nowMs += 3_000
  cluster.remove('pod', first)
  cluster.nowMs += 3_000
  cluster.put('pod', exporter('exporter-2', '2026-01-01T00:00:05Z'))
  const at = (ms: number) => cluster.end('192.168.0.2', 9_100, START_MS + ms)?.podName
  assert.equal([2_000, 2_999, 4_000, 5_000, 6_000].map(at), [
    'exporter-1',
    'exporter-1',
    '',
    'exporter-2',
    'exporter-2',
  ])
})

hosts('a pod of a rolling update that comes before the end of the last one is told has the port from its start', () => {
  const cluster = new TestCluster()
  cluster.put('node', node('node-2', ['192.168.0.2']))
  const first = exporter('exporter-1', '2026-01-01T00:00:01Z')
  cluster.put('pod', first)
  cluster.nowMs += 6_000
  cluster.put('pod', exporter('exporter-2', '2026-01-01T00:00:05Z'))
  cluster.remove('pod', first)
  const at = (ms: number) => cluster.end('192.168.0.2', 9_100, START_MS + ms)?.podName
  assert.equal([4_999, 5_000, 6_000].map(at), ['exporter-1', 'exporter-2', 'exporter-2'])
})

for (const annotation of [
  'projectcalico.org/IPv4VXLANTunnelAddr',
  'projectcalico.org/IPv4IPIPTunnelAddr',
  'projectcalico.org/IPv4WireguardInterfaceAddr',
  'flannel.alpha.coreos.com/public-ip',
])
  hosts(`the address in ${annotation} is the node’s`, () => {
    const cluster = new TestCluster()
    cluster.put('node', node('node-2', ['192.168.0.2'], { annotations: { [annotation]: '10.1.9.0' } }))
    assert.equal([cluster.end('10.1.9.0')?.nodeName, cluster.who('10.1.9.0')], ['node-2', 'reserved:remote-node'])
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
  assert.equal([...cluster.table.cluster.peers], [{ node: 'node-2', address: '192.168.0.3' }])
  cluster.remove('pod', agent('a', '192.168.0.2'))
  cluster.remove('pod', agent('b', '192.168.0.3'))
  assert.equal(told, ['added node-2 192.168.0.2', 'updated node-2 192.168.0.3', 'deleted node-2 192.168.0.3'])
})

hosts('an agent whose pod has ended is no peer', () => {
  const cluster = new TestCluster()
  const agent = runningPod('a', ['192.168.0.2'], { node: 'node-2', labels: { app: 'fovea' } })
  cluster.put('pod', agent)
  assert.is([...cluster.table.cluster.peers].length, 1)
  cluster.put('pod', { ...agent, status: { ...(agent.status as object), phase: 'Failed' } })
  assert.equal([...cluster.table.cluster.peers], [])
})

hosts.run()
