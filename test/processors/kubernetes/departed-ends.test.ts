import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { addressWords } from '../../../src/flow/address-words.ts'
import { Protocol } from '../../../src/flow/enums.ts'
import { portKey } from '../../../src/processors/kubernetes/ports.ts'
import { node, runningPod, START_MS, TestCluster } from '../../support/kubernetes-model.ts'

const departing = suite('ends that are gone')

const pod = (name = 'web-1') => runningPod(name, ['10.1.0.1'], { namespace: 'shop' })

/** Endpoint id of the pod's address. */
const idOf = (cluster: TestCluster, timeMs = cluster.nowMs) =>
  cluster.id(addressWords('10.1.0.1')!, portKey(Protocol.TCP, 0), timeMs)

departing('a pod that is deleted is not current at once, though its flows of before still name it', () => {
  const cluster = new TestCluster()
  cluster.put('pod', pod())
  const id = idOf(cluster)
  assert.ok(cluster.table.isCurrent(id))
  assert.is(cluster.table.cluster.now(cluster.table.get(id))?.podName, 'web-1')
  cluster.nowMs += 10_000
  cluster.remove('pod', pod())
  assert.is(cluster.table.isCurrent(id), false)
  assert.is(cluster.table.cluster.now(cluster.table.get(id)), undefined)
  assert.is(cluster.end('10.1.0.1', 0, START_MS + 5_000)?.podName, 'web-1')
})

departing('an id made for flows of a pod that is over already is not current', () => {
  const cluster = new TestCluster()
  cluster.put('pod', pod())
  cluster.nowMs += 10_000
  cluster.remove('pod', pod())
  const id = idOf(cluster, START_MS + 5_000)
  assert.is(cluster.table.get(id).podName, 'web-1')
  assert.is(cluster.table.isCurrent(id), false)
})

departing('a pod that changes gets another id, and is there all the time, as it is now', () => {
  const cluster = new TestCluster()
  cluster.put('pod', pod())
  const id = idOf(cluster)
  const before = cluster.table.get(id)
  cluster.put('pod', runningPod('web-1', ['10.1.0.1'], { namespace: 'shop', labels: { app: 'web' } }))
  assert.is(cluster.table.isCurrent(id), false)
  assert.ok(cluster.table.cluster.now(before)?.labels.includes('k8s:app=web'))
  assert.ok(cluster.table.isCurrent(idOf(cluster)))
})

departing('nodes are there until they are deleted; nobody is when the cluster is left', () => {
  const cluster = new TestCluster()
  const node2 = node('node-2', ['192.168.0.2'])
  cluster.put('node', node2)
  cluster.put('pod', pod())
  const ends = [cluster.end('192.168.0.2')!, cluster.end('10.1.0.1')!]
  const there = () => ends.map((end) => cluster.table.cluster.now(end) !== undefined)
  assert.equal(there(), [true, true])
  cluster.remove('node', node2)
  assert.equal(there(), [false, true])
  cluster.model.clear()
  assert.equal(there(), [false, false])
})

departing('the members of a namespace are its pods that are not over; nodes are members of none', () => {
  const cluster = new TestCluster()
  const other = runningPod('db-0', ['10.1.0.2'], { namespace: 'shop' })
  cluster.put('node', node('node-2', ['192.168.0.2']))
  cluster.put('pod', pod())
  cluster.put('pod', other)
  cluster.put('pod', runningPod('far-1', ['10.1.0.3'], { namespace: 'elsewhere' }))
  const members = (...namespaces: string[]) =>
    [...cluster.table.cluster.members(new Set(namespaces))].map(({ podName, nodeName }) => podName || nodeName)
  assert.equal(members('shop'), ['web-1', 'db-0'])
  assert.equal(members(''), ['node-2'])
  cluster.remove('pod', other)
  assert.equal(members('shop', 'elsewhere'), ['web-1', 'far-1'])
})

departing('a pod that was asked for as a service is found as such', () => {
  const cluster = new TestCluster()
  cluster.put('pod', pod())
  const service = { name: 'web', namespace: 'shop' }
  const asked = { ...cluster.end('10.1.0.1')!, service }
  assert.equal(cluster.table.cluster.now(asked)?.service, service)
})

departing.run()
