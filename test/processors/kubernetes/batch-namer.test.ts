import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { LocalAddresses } from '../../../src/flow/local-addresses.ts'
import { MOST_ROWS } from '../../../src/processors/kubernetes/address-table.ts'
import { BatchNamer } from '../../../src/processors/kubernetes/batch-namer.ts'
import { flowBatch, TCP_SYN } from '../../support/flows.ts'
import { node, runningPod, START_MS, slice, TestCluster } from '../../support/kubernetes-model.ts'

const test = suite('batches')

/** Two pods of a service, a node, and what names batches of them. */
function namedCluster() {
  const cluster = new TestCluster()
  cluster.put('node', { ...node('node-1', ['192.168.0.1']), spec: { podCIDRs: ['10.1.0.0/24'] } })
  for (const i of [1, 2]) cluster.put('pod', runningPod(`shop-${i}`, [`10.1.0.1${i}`]))
  cluster.put('slice', slice('shop-1', 'shop', ['10.1.0.11', '10.1.0.12'], [8_080]))
  return { cluster, namer: new BatchNamer(cluster.table, cluster.model, new LocalAddresses(() => [])) }
}

test('every row of a batch is named, however many there are', () => {
  const { cluster, namer } = namedCluster()
  const ends = ['10.1.0.11', '10.1.0.12', '192.168.0.1', '203.0.113.1', '10.1.0.99']
  const names = ['shop-1', 'shop-2', 'reserved:host', 'reserved:world', 'reserved:unmanaged']
  const rows = Array.from({ length: 2 * MOST_ROWS + 7 }, (_, i) => ({
    ...TCP_SYN,
    source: ends[i % 5]!,
    destination: ends[(3 * i) % 5]!,
    sourcePort: 40_000,
    destinationPort: 8_080,
    timeMs: START_MS + 1_000,
  }))
  const batch = flowBatch(rows)
  namer.name(batch, false)
  const shown = (id: number) => {
    const { podName, labels } = cluster.table.get(id)
    return podName === '' ? labels[0] : podName
  }
  const { sourceEndpoint, destinationEndpoint } = batch.columns
  for (let i = 0; i < rows.length; i++) {
    assert.is(shown(sourceEndpoint[i]!), names[i % 5])
    assert.is(shown(destinationEndpoint[i]!), names[(3 * i) % 5])
    assert.is(cluster.table.get(sourceEndpoint[i]!).service, undefined)
    const service = cluster.table.get(destinationEndpoint[i]!).service?.name
    assert.is(service, (3 * i) % 5 < 2 ? 'shop' : undefined)
  }
  const unmanaged = rows.flatMap(({ source, destination }) => [source, destination]).filter((ip) => ip === ends[4])
  assert.is(namer.unmanaged, unmanaged.length)
})

/** What a batch of one flow from an address shows of it, and whether it may still turn out to be a pod's. */
function named(cluster: TestCluster, namer: BatchNamer, source: string): [string, boolean] {
  const ipVersion = source.includes(':') ? 6 : 4
  const destination = ipVersion === 6 ? '2001:db8::9' : '203.0.113.1'
  const batch = flowBatch([{ ...TCP_SYN, ipVersion, source, destination, timeMs: START_MS + 1_000 }])
  const open = namer.name(batch, true)
  return [cluster.table.get(batch.columns.sourceEndpoint[0]!).labels[0] ?? '', open]
}

test('what may turn out to be a pod’s is worth waiting for: addresses of pod networks, and private ones', () => {
  const { cluster, namer } = namedCluster()
  assert.equal(
    ['10.1.0.99', '172.20.0.1', '100.64.0.1', 'fd00::1', '203.0.113.9', '2001:db8::1', '192.168.0.1'].map(
      (address) => named(cluster, namer, address)[1],
    ),
    [true, true, true, true, false, false, false],
  )
  cluster.put('node', { ...node('node-2', []), spec: { podCIDRs: ['198.51.100.0/24'] } })
  assert.equal(named(cluster, namer, '198.51.100.9'), ['reserved:unmanaged', true])
})

test('ends nobody has are counted once, however often a batch that waits is named', () => {
  const { namer } = namedCluster()
  const batch = flowBatch([{ ...TCP_SYN, source: '10.1.0.99', destination: '203.0.113.1', timeMs: START_MS }])
  assert.equal([namer.name(batch, true), namer.name(batch, true), namer.unmanaged], [true, true, 0])
  assert.equal([namer.name(batch, false), namer.unmanaged], [false, 1])
})

test('a batch that waited shows its flows’ time: addresses and labels', () => {
  const { cluster, namer } = namedCluster()
  cluster.put('pod', runningPod('web', ['10.1.0.20'], { labels: { app: 'old' } }))
  const timeMs = START_MS + 1_000
  const row = { ...TCP_SYN, source: '10.1.0.20', destination: '10.1.0.99', timeMs }
  const [first, batch] = [flowBatch([row]), flowBatch([row])]
  namer.name(first, false)
  assert.ok(namer.name(batch, true))
  cluster.nowMs = timeMs + 500
  cluster.put('pod', runningPod('web', ['10.1.0.20'], { labels: { app: 'new' } }))
  cluster.put('pod', runningPod('late', ['10.1.0.99']))
  assert.not(namer.name(batch, true))
  const { sourceEndpoint, destinationEndpoint } = batch.columns
  assert.is(sourceEndpoint[0], first.columns.sourceEndpoint[0])
  assert.is(cluster.table.get(destinationEndpoint[0]!).podName, 'late')
})

test('the world is two where pods have addresses of both families', () => {
  const { cluster, namer } = namedCluster()
  const worlds = () => ['203.0.113.9', '2001:db8::1'].map((address) => named(cluster, namer, address)[0])
  assert.equal(worlds(), ['reserved:world', 'reserved:world'])
  cluster.put('node', { ...node('node-1', ['192.168.0.1']), spec: { podCIDRs: ['10.1.0.0/24', 'fd00:1::/64'] } })
  assert.equal(worlds(), ['reserved:world-ipv4', 'reserved:world-ipv6'])
})

test('addresses of this machine that no node has are the host’s', () => {
  const { cluster } = namedCluster()
  const namer = new BatchNamer(cluster.table, cluster.model, new LocalAddresses(() => ['172.17.0.1']))
  assert.equal(named(cluster, namer, '172.17.0.1'), ['reserved:host', false])
})

test.run()
