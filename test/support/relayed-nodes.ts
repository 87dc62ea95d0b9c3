import { type ChildProcess, spawn } from 'node:child_process'
import { accountWith, shippedRole } from './agent-role.ts'
import { Cluster } from './cluster.ts'
import { ClusterObjects } from './cluster-objects.ts'
import { eventually } from './eventually.ts'
import { KubernetesAgent } from './kubernetes-agent.ts'
import { NodeNetwork, type Pod } from './node-network.ts'
import { peer } from './peers.ts'
import { serve } from './traffic.ts'
import { Tunnel } from './tunnel.ts'

const LABELS = { 'app.kubernetes.io/name': 'fovea', 'app.kubernetes.io/component': 'agent' }
const RELAY = '127.0.0.1:4245'

export interface RelayedNodesOptions {
  /** Part of the namespaces' names. */
  purpose: string
  /** `--set` of the agents. */
  sets?: readonly string[]
  /** Flags of the relay. */
  relay: readonly string[]
  /** Flags of the CLI that asks it. */
  cli?: readonly string[]
}

/**
 * Two network namespaces as nodes with an agent each, and the real hubble-relay on the network between them, which learns of
 * both nodes from one agent.
 */
export class RelayedNodes {
  readonly nodes: readonly [Pod, Pod]
  readonly network: NodeNetwork
  readonly #options: RelayedNodesOptions
  readonly #cluster: Cluster
  readonly #objects: ClusterObjects
  readonly #agents = new Map<string, KubernetesAgent>()
  #tunnel: Tunnel | undefined
  #kubeconfig = ''
  #echo: ChildProcess | undefined
  #relay: ChildProcess | undefined

  private constructor(options: RelayedNodesOptions, cluster: Cluster, objects: ClusterObjects) {
    this.#options = options
    this.#cluster = cluster
    this.#objects = objects
    this.network = new NodeNetwork(options.purpose)
    this.nodes = [this.network.addPod(), this.network.addPod()]
  }

  /** Resolves when both agents are ready; the relay starts. */
  static async start(options: RelayedNodesOptions): Promise<RelayedNodes> {
    const cluster = await Cluster.start()
    const started = new RelayedNodes(options, cluster, await ClusterObjects.open(cluster))
    try {
      await started.#start()
      return started
    } catch (error) {
      await started.stop()
      throw error
    }
  }

  async stop(): Promise<void> {
    this.#relay?.kill('SIGKILL')
    this.#echo?.kill()
    for (const agent of this.#agents.values()) await agent.stop()
    await this.#tunnel?.close()
    this.network.remove()
    this.#objects.close()
    await this.#cluster.stop()
  }

  /** The agent of a node, and its pod on the node's network. */
  async startAgent({ name: node, namespace, address }: Pod): Promise<void> {
    const pod = { namespace: 'fovea', name: `agent-${node}`, labels: LABELS, addresses: [address] }
    await this.#objects.pod({ ...pod, node, hostNetwork: true })
    const { sets = [] } = this.#options
    this.#agents.set(node, await KubernetesAgent.start(namespace, { kubeconfig: this.#kubeconfig, node, sets }))
  }

  /** Ends an agent at once; its pod stays until `deletePod`. */
  async killAgent({ name }: Pod): Promise<void> {
    await this.#agents.get(name)?.kill()
    this.#agents.delete(name)
  }

  async deletePod({ name }: Pod): Promise<void> {
    await this.#objects.deletePod('fovea', `agent-${name}`)
  }

  /** What the CLI prints, asked at the relay. @throws Error with what it wrote to stderr */
  hubble(...words: readonly string[]): string {
    return this.hubbleAt(RELAY, ...(this.#options.cli ?? []), ...words)
  }

  /** The same at any other server, without these flags. */
  hubbleAt(server: string, ...words: readonly string[]): string {
    const { node } = this.network
    return this.network.run(node, 'env', 'HOME=/nonexistent', peer('hubble'), '--server', server, ...words)
  }

  /** Resolves when the relay says that so many of so many nodes are connected. @param text `2/2` */
  async connected(text: string): Promise<void> {
    let last = ''
    const ask = () => {
      try {
        last = this.hubble('status')
      } catch (error) {
        last = (error as Error).message // it starts
      }
      return last.includes(`Connected Nodes: ${text}`) ? true : undefined
    }
    await eventually(`Connected Nodes: ${text}`, ask, 60_000).catch((cause) => {
      throw new Error(`${(cause as Error).message}: ${last}`)
    })
  }

  async #start(): Promise<void> {
    for (const node of this.nodes) this.network.up(node)
    const spaces = this.nodes.map(({ namespace }) => namespace)
    this.#tunnel = await Tunnel.to(Number(new URL(this.#cluster.url).port), ...spaces)
    this.#kubeconfig = accountWith(this.#cluster, 'agent', [shippedRole('agent-cluster-role')])
    for (const node of this.nodes) await this.startAgent(node)
    this.#echo = await serve(this.nodes[1].namespace)
    this.#startRelay()
  }

  #startRelay(): void {
    const own = ['--peer-service', `${this.nodes[0].address}:4244`, '--listen-address', RELAY]
    const quick = ['--gops=false', '--retry-timeout=1s', '--health-listen-address', '127.0.0.1:4222']
    const flags = [...own, ...quick, ...this.#options.relay]
    const [program, args] = this.network.node.command(peer('hubble-relay'), 'serve', ...flags)
    this.#relay = spawn(program, args, { stdio: 'ignore', cwd: this.#cluster.folder })
  }
}
