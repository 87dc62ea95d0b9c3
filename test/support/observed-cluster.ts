import type { ChildProcess } from 'node:child_process'
import type { Resource } from '../../src/kubernetes/resource.ts'
import { accountWith, shippedRole } from './agent-role.ts'
import { Cluster } from './cluster.ts'
import { ClusterObjects, NODES, PODS } from './cluster-objects.ts'
import { eventually } from './eventually.ts'
import { KubernetesAgent, type ObservedFlow } from './kubernetes-agent.ts'
import type { NetworkNamespace } from './network-namespace.ts'
import { NodeNetwork, type Pod } from './node-network.ts'
import { ECHO_PORT, sendTcp, serve } from './traffic.ts'
import { Tunnel } from './tunnel.ts'

const SERVICES: Resource = { group: '', version: 'v1', plural: 'services' }
const SLICES: Resource = { group: 'discovery.k8s.io', version: 'v1', plural: 'endpointslices' }
const JOBS: Resource = { group: 'batch', version: 'v1', plural: 'jobs' }

/** Address of the service `cart` in front of the server. */
export const CLUSTER_IP = '10.96.0.50'

/**
 * A node whose pods are network namespaces, a real API server that knows them, and the agent with the rights that the chart
 * gives it. It plays kubelet, kube-proxy and the controllers.
 */
export class ObservedCluster {
  readonly cluster: Cluster
  readonly objects: ClusterObjects
  readonly network: NodeNetwork
  /** The pod `report-29000000-x` of a CronJob. */
  readonly client: Pod
  /** The pod `cart-5f6-1` of a Deployment. */
  readonly server: Pod
  /** An address that is no pod's yet. */
  readonly late: Pod
  #agent: KubernetesAgent | undefined
  #tunnel: Tunnel | undefined
  #echo: ChildProcess | undefined

  private constructor(cluster: Cluster, objects: ClusterObjects, purpose: string) {
    this.cluster = cluster
    this.objects = objects
    this.network = new NodeNetwork(purpose)
    this.client = this.network.addPod()
    this.server = this.network.addPod()
    this.late = this.network.addPod()
  }

  /** @param purpose becomes a part of the namespaces' names */
  static async start(purpose: string): Promise<ObservedCluster> {
    const cluster = await Cluster.start()
    const observed = new ObservedCluster(cluster, await ClusterObjects.open(cluster), purpose)
    try {
      await observed.#start()
    } catch (error) {
      await observed.stop()
      throw error
    }
    return observed
  }

  async #start(): Promise<void> {
    const { cluster, network } = this
    this.#tunnel = await Tunnel.to(Number(new URL(cluster.url).port), network.node)
    await this.#describe()
    await this.#describeService()
    const roles = ['agent-cluster-role', 'agent-events-cluster-role'].map(shippedRole)
    const kubeconfig = accountWith(cluster, 'agent', roles)
    const sets = [
      'processors.kubernetes.cluster_name=east',
      'processors.kubernetes.wait_for_metadata=2s',
      'processors.kubernetes.drop_events={threshold: 2}',
      'exporters.hubble.cluster_name=east',
    ]
    this.#agent = await KubernetesAgent.start(network.node, { kubeconfig, node: 'node-1', sets })
    for (const pod of network.pods) network.up(pod)
    this.#echo = await serve(this.server.namespace)
  }

  async stop(): Promise<void> {
    this.#echo?.kill()
    await this.#agent?.stop()
    await this.#tunnel?.close()
    this.network.remove()
    this.objects.close()
    await this.cluster.stop()
  }

  get agent(): KubernetesAgent {
    if (this.#agent === undefined) throw new Error('the agent has not started')
    return this.#agent
  }

  async #describe(): Promise<void> {
    const { objects, client, server } = this
    const labels = { 'topology.kubernetes.io/zone': 'zone-a', role: 'worker' }
    await objects.client.create(NODES, {}, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-1', labels } })
    const status = { addresses: [{ type: 'InternalIP', address: client.gateway }] }
    await objects.client.merge(NODES, { name: 'node-1', subresource: 'status' }, { status })
    await objects.namespace('shop', { team: 'blue' })
    const metadata = { name: 'report-29000000', namespace: 'shop', ownerReferences: [owner('CronJob', 'report')] }
    const template = { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i' }] } }
    const job = { apiVersion: 'batch/v1', kind: 'Job', metadata, spec: { template } }
    await objects.client.create(JOBS, { namespace: 'shop' }, job)
    const addresses = [client.address, client.address6]
    await this.pod('report-29000000-x', addresses, { app: 'report' }, owner('Job', 'report-29000000'))
    const labelsOfServer = { app: 'cart', 'pod-template-hash': '5f6' }
    const cart = owner('ReplicaSet', 'cart-5f6')
    await this.pod('cart-5f6-1', [server.address, server.address6], labelsOfServer, cart)
  }

  async #describeService(): Promise<void> {
    const { objects, network, server } = this
    const spec = { clusterIP: CLUSTER_IP, selector: { app: 'cart' }, ports: [{ port: 80, targetPort: ECHO_PORT }] }
    const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'cart' }, spec }
    await objects.client.create(SERVICES, { namespace: 'shop' }, service)
    const slice = {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 'cart-1', labels: { 'kubernetes.io/service-name': 'cart' } },
      addressType: 'IPv4',
      endpoints: [{ addresses: [server.address] }],
      ports: [{ port: ECHO_PORT, protocol: 'TCP' }],
    }
    await objects.client.create(SLICES, { namespace: 'shop' }, slice)
    const rule = `ip daddr ${CLUSTER_IP} tcp dport 80 dnat to ${server.address}:${ECHO_PORT}`
    const chain = 'add table ip nat; add chain ip nat pre { type nat hook prerouting priority dstnat; }'
    network.run(network.node, 'nft', `${chain}; add rule ip nat pre ${rule}`)
  }

  /** A running pod of this node, in the namespace `shop`. */
  async pod(name: string, addresses: string | string[], labels: Record<string, string>, ...owners: object[]) {
    const spec = { nodeName: 'node-1', serviceAccountName: 'default', containers: [{ name: 'c', image: 'i' }] }
    const metadata = { name, labels, ownerReferences: owners }
    await this.objects.client.create(PODS, { namespace: 'shop' }, { apiVersion: 'v1', kind: 'Pod', metadata, spec })
    await this.objects.run('shop', name, [addresses].flat())
  }

  /** One connection from the client to the server; resolves with its flows once the agent shows them. */
  async flowsOfConnection(address = this.server.address): Promise<ObservedFlow[]> {
    const since = new Date().toISOString()
    sendTcp(this.network, this.client, address, 1, 1_000)
    return eventually('the flows of a connection', async () => {
      const flows = await this.agent.observe('--protocol', 'tcp', '--since', since)
      const between = flows.filter(({ IP }) => IP?.source === this.client.address && IP.destination === address)
      return between.length > 0 ? between : undefined
    })
  }

  /** Sends connections until the first flow of one shows the destination as wanted. */
  async until(what: string, wanted: (flow: ObservedFlow) => boolean, address?: string): Promise<ObservedFlow> {
    return eventually(what, async () => (await this.flowsOfConnection(address)).find(wanted))
  }

  /** A datagram to each port, each from a port of its own: the beginning of a connection. */
  sendDatagrams(space: NetworkNamespace, address: string, ...ports: readonly number[]): void {
    const program = `for (const port of ${JSON.stringify(ports)}) {
      const socket = require('dgram').createSocket('udp4')
      socket.send('x', port, '${address}', () => socket.close())
    }`
    this.network.run(space, process.execPath, '-e', program)
  }

  /** The agent's own metrics, as Prometheus text. */
  ownMetrics(): string {
    const program = "fetch('http://127.0.0.1:8888/metrics').then((r) => r.text()).then(console.log)"
    return this.network.run(this.network.node, process.execPath, '-e', program)
  }

  /** The versions that watches stand at are forgotten: they get 410 Gone. */
  compactHistory(): void {
    for (let i = 0; i < 3; i++) this.cluster.etcdctl('put', 'fovea-test', String(i))
    const answer = JSON.parse(this.cluster.etcdctl('get', 'fovea-test', '-w', 'json'))
    this.cluster.etcdctl('compact', String(answer.header.revision))
  }
}

/** A reference of an object to the controller that owns it. */
export function owner(kind: string, name: string) {
  const apiVersion = kind === 'Job' || kind === 'CronJob' ? 'batch/v1' : 'apps/v1'
  return { apiVersion, kind, name, uid: '00000000-0000-0000-0000-000000000001', controller: true }
}
