import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Resource } from '../../src/kubernetes/resource.ts'
import type { Cluster } from './cluster.ts'
import { ClusterObjects, PODS } from './cluster-objects.ts'
import type { NetworkNamespace } from './network-namespace.ts'
import { NodeNetwork, type Pod } from './node-network.ts'
import { ECHO_PORT, serve } from './traffic.ts'

/** Nobody listens there. */
export const CLOSED_PORT = 7_001

/** A rule of the node drops what goes there. */
export const DROPPED_PORT = 7_002

/** A socket there takes datagrams, and nobody reads them. */
export const SLOW_PORT = 7_003

/** No route leads there. */
export const NOWHERE = '198.51.100.1'

const CLUSTER_IP = '10.96.0.50'

/** Somebody who is no pod and on no node. */
const WORLD = '203.0.113.5'

/** Node reads what comes, always. */
const NEVER_READ = `
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
s.bind(('', ${SLOW_PORT}))
print('ready', flush=True)
time.sleep(3600)
`

const PROCESS = fileURLToPath(new URL('./shop-traffic-process.ts', import.meta.url))

const NODES: Resource = { group: '', version: 'v1', plural: 'nodes' }
const SERVICES: Resource = { group: '', version: 'v1', plural: 'services' }
const SLICES: Resource = { group: 'discovery.k8s.io', version: 'v1', plural: 'endpointslices' }

/** Where the pods are: namespace, name and workload. */
const PLACES = {
  client: { namespace: 'shop', workload: 'report' },
  server: { namespace: 'store', workload: 'cart' },
  nameserver: { namespace: 'kube-system', workload: 'coredns' },
} as const

/**
 * A node with three pods in three namespaces, and somebody outside, as network namespaces that a real API server knows; the
 * traffic between them has everything that goes wrong in networks.
 */
export class Shop {
  readonly network: NodeNetwork
  readonly #pods: Record<keyof typeof PLACES, Pod>
  readonly #world: Pod
  readonly #children: ChildProcess[] = []

  constructor(purpose: string) {
    this.network = new NodeNetwork(purpose)
    this.#pods = { client: this.network.addPod(), server: this.network.addPod(), nameserver: this.network.addPod() }
    this.#world = this.network.addPod()
  }

  /** Tells the API server of the node, the pods and the service. */
  async describe(cluster: Cluster): Promise<void> {
    const objects = await ClusterObjects.open(cluster)
    const labels = { 'topology.kubernetes.io/zone': 'zone-a' }
    await objects.client.create(NODES, {}, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-1', labels } })
    for (const [role, { namespace, workload }] of Object.entries(PLACES)) {
      if (namespace !== 'kube-system') await objects.namespace(namespace)
      const { address, address6 } = this.#pods[role as keyof typeof PLACES]
      await addPod(objects, namespace, workload, [address, address6])
    }
    await this.#addService(objects)
    objects.close()
  }

  /** Brings everything up, and begins the traffic. */
  async open(): Promise<void> {
    const { network } = this
    const { server, nameserver, client } = this.#pods
    for (const pod of network.pods) network.up(pod)
    network.run(this.#world.namespace, 'ip', 'addr', 'add', `${WORLD}/32`, 'dev', 'lo')
    network.run(network.node, 'ip', 'route', 'add', WORLD, 'via', this.#world.address)
    const translate = `ip daddr ${CLUSTER_IP} tcp dport 80 dnat to ${server.address}:${ECHO_PORT}`
    network.run(
      network.node,
      'nft',
      `add table ip shop; add chain ip shop pre { type nat hook prerouting priority dstnat; }; add rule ip shop pre ${translate};
       add chain ip shop forward { type filter hook forward priority 0; }; add rule ip shop forward tcp dport ${DROPPED_PORT} drop`,
    )
    for (const pod of [server, this.#world]) this.#children.push(await serve(pod.namespace))
    await this.#run(server.namespace, 'python3', '-c', NEVER_READ)
    await this.#run(nameserver.namespace, process.execPath, PROCESS, 'dns')
    const visit = [process.execPath, PROCESS, 'visit', server.address, CLUSTER_IP, nameserver.address]
    await this.#run(client.namespace, ...visit, WORLD)
    await this.#run(this.#world.namespace, ...visit, client.address)
  }

  remove(): void {
    for (const child of this.#children) child.kill()
    this.network.remove()
  }

  async #addService({ client }: ClusterObjects): Promise<void> {
    const { namespace, workload: name } = PLACES.server
    const of = { namespace }
    const spec = { clusterIP: CLUSTER_IP, selector: { app: name }, ports: [{ port: 80, targetPort: ECHO_PORT }] }
    await client.create(SERVICES, of, { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec })
    const labels = { 'kubernetes.io/service-name': name }
    const slice = {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: `${name}-1`, labels },
      addressType: 'IPv4',
      endpoints: [{ addresses: [this.#pods.server.address] }],
      ports: [{ port: ECHO_PORT, protocol: 'TCP' }],
    }
    await client.create(SLICES, of, slice)
  }

  /** Starts a program inside and waits until it says something. */
  async #run(space: NetworkNamespace, ...command: readonly string[]): Promise<void> {
    const [program, args] = space.command(...command)
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    this.#children.push(child)
    await once(child.stdout, 'data')
  }
}

/** A pod of a deployment on node-1. */
async function addPod(objects: ClusterObjects, namespace: string, workload: string, addresses: readonly string[]) {
  const uid = '00000000-0000-0000-0000-000000000001'
  const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: `${workload}-5f6`, uid, controller: true }
  const name = `${workload}-5f6-1`
  const labels = { app: workload, 'pod-template-hash': '5f6' }
  const spec = { nodeName: 'node-1', containers: [{ name: 'c', image: 'i' }] }
  const metadata = { name, labels, ownerReferences: [owner] }
  await objects.client.create(PODS, { namespace }, { apiVersion: 'v1', kind: 'Pod', metadata, spec })
  await objects.run(namespace, name, addresses)
}
