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

test.run()
