import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { agentEventMessage } from '../../../src/hubble/agent-event-message.ts'
import { node, runningPod, slice, TestCluster } from '../../support/kubernetes-model.ts'

/** Objects of a cluster that come and go, and the agent events they make. */
const test = suite('cluster events')

/** `flow.AgentEventType` by number. */
const NAMES: Readonly<Record<number, string>> = {
  7: 'ENDPOINT_CREATED',
  8: 'ENDPOINT_DELETED',
  9: 'IPCACHE_UPSERTED',
  10: 'IPCACHE_DELETED',
  11: 'SERVICE_UPSERTED',
  12: 'SERVICE_DELETED',
}

/** Every event after the start, as a name and what it carries; nothing of an endpoint's number and labels. */
function told({ table }: TestCluster, from = 1): [string, Record<string, unknown>][] {
  const { events } = table.cluster
  return Array.from({ length: events.next - from }, (_, i) => {
    const { type, ...rest } = agentEventMessage(events.get(from + i).event) as { type: number }
    return [NAMES[type]!, Object.values(rest)[0] as Record<string, unknown>]
  })
}

function names(cluster: TestCluster, from = 1): string[] {
  return told(cluster, from).map(([name]) => name)
}

const SERVICE = {
  metadata: { name: 'web' },
  spec: { clusterIPs: ['10.96.0.9'], ports: [{ port: 80, protocol: 'TCP' }] },
}

test('a pod of this node is an endpoint and an entry of the ipcache for each of its addresses', () => {
  const cluster = new TestCluster()
  cluster.put('node', node('node-1', ['192.168.0.1']))
  cluster.put('pod', runningPod('web-1', ['10.1.0.1', 'fd00::1'], { labels: { app: 'web' } }))
  const { identity, localId, labels } = cluster.end('10.1.0.1')!
  const where = { host_ip: '192.168.0.1', namespace: 'default', pod_name: 'web-1', old_identity: undefined }
  assert.equal(told(cluster, 2), [
    ['ENDPOINT_CREATED', { id: localId, labels, namespace: 'default', pod_name: 'web-1' }],
    ['IPCACHE_UPSERTED', { cidr: '10.1.0.1/32', identity, ...where }],
    ['IPCACHE_UPSERTED', { cidr: 'fd00::1/128', identity, ...where }],
  ])
  const before = cluster.table.cluster.events.next
  cluster.remove('pod', runningPod('web-1', ['10.1.0.1', 'fd00::1'], { labels: { app: 'web' } }))
  assert.equal(names(cluster, before), ['IPCACHE_DELETED', 'IPCACHE_DELETED', 'ENDPOINT_DELETED'])
  assert.is(told(cluster, before)[2]![1].id, localId)
})

test('a pod of another node is no endpoint here, one on the host network and one that is over are nothing', () => {
  const cluster = new TestCluster()
  cluster.put('pod', runningPod('far', ['10.2.0.1'], { node: 'node-2' }))
  cluster.put('pod', runningPod('proxy', ['192.168.0.1'], { hostNetwork: true }))
  const over = runningPod('job', ['10.1.0.7'])
  cluster.put('pod', { ...over, status: { ...(over.status as object), phase: 'Succeeded' } })
  assert.equal(names(cluster), ['IPCACHE_UPSERTED'])
})

test('an address that changes is one entry less and one more, the endpoint stays', () => {
  const cluster = new TestCluster()
  cluster.put('pod', runningPod('web-1', ['10.1.0.1']))
  cluster.put('pod', runningPod('web-1', ['10.1.0.2']))
  cluster.put('pod', runningPod('web-1', ['10.1.0.2'], { annotations: { note: 'irrelevant' } }))
  const cidrs = told(cluster).flatMap(([name, { cidr }]) => (cidr === undefined ? [] : `${name} ${cidr}`))
  assert.equal(cidrs, ['IPCACHE_UPSERTED 10.1.0.1/32', 'IPCACHE_DELETED 10.1.0.1/32', 'IPCACHE_UPSERTED 10.1.0.2/32'])
})

test('a pod that ends takes endpoint and addresses with it, once', () => {
  const cluster = new TestCluster()
  const pod = runningPod('job', ['10.1.0.7'])
  cluster.put('pod', pod)
  const over = { ...pod, status: { ...(pod.status as object), phase: 'Failed' } }
  cluster.put('pod', over)
  cluster.remove('pod', over)
  assert.equal(names(cluster, 3), ['IPCACHE_DELETED', 'ENDPOINT_DELETED'])
})

test('what an event says is what is known when it is read: a cluster is listed in no order', () => {
  const cluster = new TestCluster()
  cluster.put('pod', runningPod('web-1', ['10.1.0.1']))
  const endpoint = {
    metadata: { name: 'web-1' },
    status: { id: 77, identity: { id: 4_711 } },
  }
  cluster.put('ciliumEndpoint', endpoint)
  const [[, created], [, first]] = told(cluster) as [[string, { id: number }], [string, { identity: number }]]
  assert.equal([created.id, first.identity], [77, 4_711])
})

test('a new identity of an address is told with the old one', () => {
  const cluster = new TestCluster()
  const endpoint = (id: number) => ({ metadata: { name: 'web-1' }, status: { id: 77, identity: { id } } })
  cluster.put('pod', runningPod('web-1', ['10.1.0.1']))
  cluster.put('ciliumEndpoint', endpoint(4_711))
  const before = cluster.table.cluster.events.next
  cluster.put('ciliumEndpoint', endpoint(4_712))
  cluster.put('ciliumEndpoint', endpoint(4_712))
  const [[name, { identity, old_identity }]] = told(cluster, before) as [[string, Record<string, unknown>]]
  assert.equal([name, identity, old_identity], ['IPCACHE_UPSERTED', 4_712, { value: 4_711 }])
  assert.is(told(cluster, before).length, 1)
})

test('nodes are entries of the ipcache', () => {
  const cluster = new TestCluster()
  cluster.put('node', node('node-1', ['192.168.0.1']))
  cluster.put('node', node('node-2', ['192.168.0.2']))
  cluster.remove('node', node('node-2', ['192.168.0.2']))
  const entries = told(cluster).map(([name, { cidr, identity }]) => `${name} ${cidr} ${identity}`)
  assert.equal(entries, [
    'IPCACHE_UPSERTED 192.168.0.1/32 1',
    'IPCACHE_UPSERTED 192.168.0.2/32 6',
    'IPCACHE_DELETED 192.168.0.2/32 6',
  ])
})

test('a service is told with its address and backends as they were, and goes with its number', () => {
  const cluster = new TestCluster()
  cluster.put('service', SERVICE)
  cluster.put('slice', slice('web-abc', 'web', ['10.1.0.1', '10.1.0.2'], [8080]))
  cluster.remove('slice', slice('web-abc', 'web', ['10.1.0.1', '10.1.0.2'], [8080]))
  cluster.remove('service', SERVICE)
  const [first, second, third, last] = told(cluster) as [string, Record<string, unknown>][]
  const frontend_address = { ip: '10.96.0.9', port: 80 }
  const known = { id: first![1].id, frontend_address, type: 'ClusterIP', name: 'web', namespace: 'default' }
  const backend_addresses = ['10.1.0.1', '10.1.0.2'].map((ip) => ({ ip, port: 8080 }))
  assert.equal(first, ['SERVICE_UPSERTED', { ...known, backend_addresses: [] }])
  assert.equal(second, ['SERVICE_UPSERTED', { ...known, backend_addresses }])
  assert.equal(third, ['SERVICE_UPSERTED', { ...known, backend_addresses: [] }])
  assert.equal(last, ['SERVICE_DELETED', { id: known.id }])
})

test('a service without an address of its own, and one with very many backends', () => {
  const cluster = new TestCluster()
  cluster.put('service', { metadata: { name: 'web' }, spec: { clusterIPs: ['None'], ports: [{ port: 80 }] } })
  const many = Array.from({ length: 150 }, (_, i) => `10.1.1.${i}`)
  cluster.put('slice', slice('web-abc', 'web', many, [8080]))
  const [, [, { type, frontend_address, backend_addresses }]] = told(cluster) as [never, [string, never]]
  assert.equal([type, frontend_address, (backend_addresses as unknown[]).length], ['None', undefined, 100])
})

test('slices of a service that was not declared tell nothing', () => {
  const cluster = new TestCluster()
  cluster.put('slice', slice('web-abc', 'web', ['10.1.0.1'], [8080]))
  assert.equal(names(cluster), [])
})

test.run()
