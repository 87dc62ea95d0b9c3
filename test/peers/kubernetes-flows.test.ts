import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { EVENTS } from '../../src/kubernetes/event-recorder.ts'
import { accountWith, shippedRole } from '../support/agent-role.ts'
import type { Cluster } from '../support/cluster.ts'
import { type ClusterObjects, NAMESPACES, PODS } from '../support/cluster-objects.ts'
import { eventually } from '../support/eventually.ts'
import { hubble } from '../support/hubble.ts'
import { KubernetesAgent, type ObservedFlow } from '../support/kubernetes-agent.ts'
import type { NodeNetwork, Pod } from '../support/node-network.ts'
import { CLUSTER_IP, ObservedCluster, owner } from '../support/observed-cluster.ts'
import { ECHO_PORT, ping, sendTcp, sendUdp } from '../support/traffic.ts'

/** The agent as it ships, with exactly the rights that the chart gives it, on a cluster whose API server is real. */
const test = suite('flows on a cluster')

/** Port of the container of a pod on the node's network. */
const HOST_PORT = 7_100

/** A second interface of the server, as Multus would add and tell it. */
const SECOND = { node: '172.16.9.1/24', pod: '172.16.9.2' }

let shop: ObservedCluster
let cluster: Cluster
let objects: ClusterObjects
let network: NodeNetwork
let client: Pod
let server: Pod
let late: Pod
let agent: KubernetesAgent

test.before(async () => {
  shop = await ObservedCluster.start('kubeflows')
  ;({ cluster, objects, network, client, server, late, agent } = shop)
})

test.after(() => shop?.stop())

test('both ends have names, labels, workloads, identities and places', async () => {
  const flow = await shop.until('the CronJob behind the Job', ({ source }) => source.workloads?.[0]?.kind === 'CronJob')
  const derived = (app: string) => [
    `k8s:app=${app}`,
    'k8s:io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name=shop',
    'k8s:io.cilium.k8s.namespace.labels.team=blue',
    'k8s:io.cilium.k8s.policy.cluster=east',
    'k8s:io.cilium.k8s.policy.serviceaccount=default',
    'k8s:io.kubernetes.pod.namespace=shop',
  ]
  const { source, destination } = flow
  assert.equal([source.namespace, source.pod_name, source.cluster_name], ['shop', 'report-29000000-x', 'east'])
  assert.equal(source.workloads, [{ name: 'report', kind: 'CronJob' }])
  assert.equal(source.labels, derived('report'))
  assert.equal([destination.namespace, destination.pod_name], ['shop', 'cart-5f6-1'])
  assert.equal(destination.workloads, [{ name: 'cart', kind: 'Deployment' }])
  assert.equal(destination.labels, derived('cart'))
  for (const { identity = 0, ID = 0 } of [source, destination])
    assert.ok(identity >= 256 && identity < 65_536 && ID > 0)
  assert.equal([flow.node_name, flow.destination_service], ['east/node-1', { name: 'cart', namespace: 'shop' }])
  assert.ok(flow.node_labels?.includes('role=worker'))
  const { source_node, source_zone, destination_node, destination_zone } = flow.extensions?.value ?? {}
  assert.equal([source_node, source_zone, destination_node, destination_zone], ['node-1', 'zone-a', 'node-1', 'zone-a'])
})

test('a ClusterIP is its service with the identity of what is behind it, and so is the pod after translation', async () => {
  network.run(
    client.namespace,
    process.execPath,
    '-e',
    `require('net').connect(80,'${CLUSTER_IP}').on('connect',function(){this.destroy()})`,
  )
  const [before, after] = await eventually('both sides of the translation', async () => {
    const flows = await agent.observe('--to-service', 'shop/cart', '--protocol', 'tcp')
    const to = (address: string) => flows.find(({ IP }) => IP?.destination === address)
    const pair = [to(CLUSTER_IP), to(server.address)]
    return pair.every((flow) => flow !== undefined) ? (pair as ObservedFlow[]) : undefined
  })
  assert.is(before?.destination.pod_name, undefined)
  assert.is(after?.destination.pod_name, 'cart-5f6-1')
  assert.is(before?.destination.identity, after?.destination.identity)
})

test('IPv6 addresses of a pod are the pod’s', async () => {
  sendTcp(network, client, server.address6, 1, 100)
  await eventually('an IPv6 flow', async () => {
    const flows = await agent.observe('-6', '--protocol', 'tcp')
    return flows.find(({ destination }) => destination.pod_name === 'cart-5f6-1')
  })
})

test('the node itself is the host', async () => {
  await eventually('a ping of the node', async () => {
    network.run(network.node, 'ping', '-q', '-c', '1', server.address)
    const flows = await agent.observe('--protocol', 'icmpv4')
    return flows.find(({ source }) => source.identity === 1 && source.labels?.includes('reserved:host'))
  })
})

test('every interface of a pod is the pod', async () => {
  const [there, here] = [server.namespace.name, 'net1']
  network.run(network.node, 'ip', 'link', 'add', 'second', 'type', 'veth', 'peer', 'name', here, 'netns', there)
  network.run(network.node, 'ip', 'addr', 'add', SECOND.node, 'dev', 'second')
  network.run(network.node, 'ip', 'link', 'set', 'second', 'up')
  network.run(server.namespace, 'ip', 'addr', 'add', `${SECOND.pod}/24`, 'dev', here)
  network.run(server.namespace, 'ip', 'link', 'set', here, 'up')
  const status = JSON.stringify([
    { name: 'kindnet', ips: [server.address] },
    { name: here, ips: [SECOND.pod] },
  ])
  const annotations = { 'k8s.v1.cni.cncf.io/network-status': status }
  await objects.client.merge(PODS, { namespace: 'shop', name: 'cart-5f6-1' }, { metadata: { annotations } })
  await eventually('a flow to the second interface', async () => {
    sendUdp(network, client, SECOND.pod, 1, 1)
    const flows = await agent.observe('--to-ip', SECOND.pod)
    return flows.find(({ destination }) => destination.pod_name === 'cart-5f6-1')
  })
})

test('a pod on the node’s network is the host, and by its port the pod', async () => {
  const labels = { app: 'proxy' }
  const ports = [{ containerPort: HOST_PORT, hostPort: HOST_PORT, protocol: 'UDP' }]
  const addresses = [client.gateway]
  await objects.pod({ namespace: 'shop', name: 'proxy', labels, hostNetwork: true, addresses, ports })
  const to = async (port: number) => {
    const flows = await agent.observe('--protocol', 'udp', '--to-ip', client.gateway, '--to-port', String(port))
    return flows.at(-1)?.destination
  }
  const [proxy, host] = await eventually('flows to both ports', async () => {
    shop.sendDatagrams(client.namespace, client.gateway, HOST_PORT, HOST_PORT + 1)
    const ends = [await to(HOST_PORT), await to(HOST_PORT + 1)]
    return ends[0]?.pod_name !== undefined && ends[1] !== undefined ? ends : undefined
  })
  assert.equal([proxy?.pod_name, proxy?.namespace, proxy?.identity], ['proxy', 'shop', 1])
  assert.ok(proxy?.labels?.includes('k8s:app=proxy') && proxy.labels.includes('reserved:host'))
  assert.equal([host?.pod_name, host?.identity, host?.labels], [undefined, 1, ['reserved:host']])
})

test('flows that come before their pod is known wait for its name', async () => {
  const since = new Date().toISOString()
  ping(network, client, late.address, 1)
  await shop.pod('late', late.address, { app: 'late' })
  const flows = await eventually('the flows that waited', async () => {
    const found = await agent.observe('--protocol', 'icmpv4', '--since', since, '--to-ip', late.address)
    return found.length > 0 ? found : undefined
  })
  assert.ok(flows.every(({ destination }) => destination.pod_name === 'late'))
})

test('repeated drops are an Event of the pod', async () => {
  network.run(
    network.node,
    'nft',
    `add chain ip nat cut { type filter hook forward priority 0; }; add rule ip nat cut tcp dport 9999 drop`,
  )
  const program = `for (let i = 0; i < 3; i++) require('net').connect(9999, '${server.address}').setTimeout(50, function () { this.destroy() })`
  network.run(client.namespace, process.execPath, '-e', program)
  const event = await eventually('an Event', async () => {
    const events = await objects.list<{
      reason: string
      message: string
      type: string
      involvedObject: { name: string }
    }>(EVENTS)
    return events.find((event) => event.reason === 'PacketDrop' && event.involvedObject.name === 'report-29000000-x')
  })
  assert.is(event.type, 'Warning')
  assert.match(event.message, `Outgoing packet dropped (policy_denied) to shop/cart-5f6-1 (${server.address}) TCP/9999`)
})

test('a pod that says no is not observed, unless the other end is', async () => {
  const say = (name: string, word: string | null) =>
    objects.client.merge(
      PODS,
      { namespace: 'shop', name },
      { metadata: { annotations: { 'fovea.dev/observe': word } } },
    )
  await say('late', 'false')
  await eventually('flows that are removed', () => {
    // Not pings: those of two ends are one connection, of which the next report may come 10 s after the first.
    shop.sendDatagrams(network.node, late.address, ECHO_PORT)
    const removed = /fovea_kubernetes_flows_unobserved(?:_total)?\{[^}]*\} (\d+)/.exec(shop.ownMetrics())
    return Number(removed?.[1] ?? 0) > 0 ? true : undefined
  })
  const since = new Date().toISOString()
  sendUdp(network, client, late.address, 1, 1)
  await eventually('flows whose other end is observed', async () => {
    const flows = await agent.observe('--since', since, '--protocol', 'udp', '--to-pod', 'shop/late')
    return flows.length > 0 ? true : undefined
  })
})

test('a change of labels shows in flows from then on; flows before it keep the old ones', async () => {
  const sent = new Date().toISOString()
  // The last flows of before are still on their way when the label changes.
  sendTcp(network, client, server.address, 1, 1_000)
  const changed = new Date().toISOString()
  await objects.client.merge(
    PODS,
    { namespace: 'shop', name: 'cart-5f6-1' },
    { metadata: { labels: { version: 'v2' } } },
  )
  await shop.until('the new label', ({ destination }) => destination.labels?.includes('k8s:version=v2') ?? false)
  const flows = await agent.observe('--to-pod', 'shop/cart', '--protocol', 'tcp')
  const before = flows.filter(({ time }) => time < changed)
  assert.ok(before.some(({ time }) => time > sent))
  const versions = before.map(({ time, destination }) => `${time} ${destination.labels?.join()}`)
  assert.equal(
    versions.filter((text) => text.includes('k8s:version=v2')),
    [],
  )
})

test('a rolling update and the reuse of the address never name the wrong pod', async () => {
  await objects.deletePod('shop', 'cart-5f6-1')
  await eventually('flows to an address that is nobody’s', async () =>
    (await shop.flowsOfConnection()).find(({ destination }) => destination.pod_name === undefined),
  )
  await shop.pod(
    'cart-7a8-1',
    server.address,
    { app: 'cart', 'pod-template-hash': '7a8' },
    owner('ReplicaSet', 'cart-7a8'),
  )
  await shop.until('the new pod', ({ destination }) => destination.pod_name === 'cart-7a8-1')
  const kept = await agent.observe('--to-pod', 'shop/cart', '--protocol', 'tcp')
  const names = kept.map(({ destination }) => destination.pod_name)
  assert.is(
    names.lastIndexOf('cart-5f6-1') < names.indexOf('cart-7a8-1'),
    true,
    'first only the old pod, then only the new one',
  )
})

test('names stay while the API server is away, and follow the cluster when it is back, however old the version', async () => {
  await cluster.stopApiServer()
  const [flow] = await shop.flowsOfConnection()
  assert.is(flow?.destination.pod_name, 'cart-7a8-1')
  shop.compactHistory()
  await cluster.startApiServer()
  await objects.deletePod('shop', 'cart-7a8-1')
  await shop.pod('cart-9b0-1', server.address, { app: 'cart' })
  await shop.until('the newest pod', ({ destination }) => destination.pod_name === 'cart-9b0-1')
  assert.match(shop.ownMetrics(), /fovea_kubernetes_watch_errors(_total)?\{[^}]*reason="410"/)
})

test('a namespace that is deleted takes its names along, and nothing is left behind', async () => {
  for (const { metadata } of await objects.list<{ metadata: { name: string; namespace: string } }>(PODS))
    await objects.deletePod(metadata.namespace, metadata.name)
  await objects.client.delete(NAMESPACES, { name: 'shop' }, {})
  const [flow] = await eventually('flows between strangers', async () => {
    const flows = await shop.flowsOfConnection()
    return flows.every(({ source, destination }) => !source.pod_name && !destination.pod_name) ? flows : undefined
  })
  assert.is(flow?.source.namespace, undefined)
  const { lines } = await hubble(`unix://${agent.socket}`, ['list', 'namespaces'])
  assert.ok(
    lines.some((line) => line.includes('shop')),
    'seen within the last hour',
  )
})

test('a missing permission is reported by name, and the rest works: only pods that say yes are observed', async () => {
  const role = shippedRole('agent-cluster-role').replace('nodes, ', '').replace('name: fovea-agent', 'name: fovea-less')
  const kubeconfig = accountWith(cluster, 'less', [role])
  await objects.pod({ name: 'yes', addresses: [client.address] })
  const annotations = { 'retina.sh': 'observe' }
  await objects.client.merge(PODS, { namespace: 'default', name: 'yes' }, { metadata: { annotations } })
  await objects.pod({ name: 'quiet', addresses: [server.address] })
  const sets = ['processors.kubernetes.observe.mode=selected', 'processors.kubernetes.wait_for_sync=2s']
  const ports = ['exporters.hubble.endpoint=', 'exporters.prometheus.endpoint=127.0.0.1:0', 'service.extensions=[]']
  const quiet = ['service.telemetry.metrics.readers=[]']
  const less = await KubernetesAgent.start(network.node, {
    kubeconfig,
    node: 'node-1',
    sets: [...sets, ...ports, ...quiet],
  })
  try {
    await less.logged(
      /may not list nodes cluster-wide: the role lacks \{apiGroups: \[""\], resources: \["nodes"\], verbs: \["list"\]\}/,
    )
    await less.logged(/going on without nodes/)
    const flows = await eventually('flows of the pod that says yes', async () => {
      sendTcp(network, late, server.address, 1, 100)
      sendTcp(network, client, server.address, 1, 100)
      const found = await less.observe('--protocol', 'tcp')
      return found.length > 0 ? found : undefined
    })
    assert.ok(flows.every(({ source, destination }) => [source.pod_name, destination.pod_name].includes('yes')))
  } finally {
    await less.stop()
  }
})

test.run()
