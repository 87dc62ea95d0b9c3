import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { root } from './checkout.ts'
import { eventually } from './eventually.ts'
import { hubble } from './hubble.ts'
import type { NetworkNamespace } from './network-namespace.ts'
import { TemporaryFolder } from './temporary-folder.ts'

/** A flow as `hubble observe -o json` prints it, as far as tests look at it. */
export interface ObservedFlow {
  time: string
  verdict: string
  node_name: string
  node_labels?: string[]
  is_reply?: boolean
  source: ObservedEnd
  destination: ObservedEnd
  source_service?: { name: string; namespace: string }
  destination_service?: { name: string; namespace: string }
  IP?: { source: string; destination: string }
  l4?: { TCP?: { source_port?: number; destination_port?: number } }
  extensions?: { value: Record<string, unknown> }
}

export interface ObservedEnd {
  ID?: number
  identity?: number
  namespace?: string
  labels?: string[]
  pod_name?: string
  workloads?: { name: string; kind: string }[]
  cluster_name?: string
}

export interface AgentOptions {
  kubeconfig: string
  node: string
  /** `--set` of the command line, on top of config/kubernetes.yaml. */
  sets?: readonly string[]
}

/** `fovea run --config config/kubernetes.yaml` inside a network namespace that plays a node. */
export class KubernetesAgent {
  readonly #folder = new TemporaryFolder()
  readonly #child: ChildProcess
  #output = ''

  private constructor(space: NetworkNamespace, { kubeconfig, node, sets = [] }: AgentOptions) {
    const file = join(root, 'config/kubernetes.yaml')
    const words = [join(root, 'src/main.ts'), 'run', '--config', file, ...sets.flatMap((text) => ['--set', text])]
    const [program, args] = space.command(process.execPath, ...words)
    const own = { KUBECONFIG: kubeconfig, NODE_NAME: node, HUBBLE_SOCKET: this.socket, NO_COLOR: '1' }
    this.#child = spawn(program, args, { env: { ...process.env, ...own }, stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.on('data', (chunk) => {
        this.#output += chunk
      })
  }

  /** Resolves when it is ready, the cluster known. */
  static async start(space: NetworkNamespace, options: AgentOptions): Promise<KubernetesAgent> {
    const agent = new KubernetesAgent(space, options)
    await agent.logged(/Everything is ready/).catch(async (error) => {
      await agent.kill()
      throw error
    })
    return agent
  }

  /** Path of its unix socket. */
  get socket(): string {
    return join(this.#folder.path, 'hubble.sock')
  }

  get output(): string {
    return this.#output
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** Resolves when a log line matches. */
  logged(pattern: RegExp): Promise<true> {
    return eventually(`${pattern} in the agent's log`, () => {
      if (pattern.test(this.#output)) return true
      if (this.#child.exitCode !== null) throw new Error(`the agent ended:\n${this.#output}`)
      return undefined
    }).catch((cause) => {
      throw new Error(`${(cause as Error).message}\n${this.#output}`)
    })
  }

  /** Flows of `hubble observe -o json` with these arguments, oldest first. */
  async observe(...args: readonly string[]): Promise<ObservedFlow[]> {
    const { lines } = await hubble(`unix://${this.socket}`, ['observe', '--all', '-o', 'json', ...args])
    return lines.map((line) => JSON.parse(line).flow).filter((flow) => flow !== undefined)
  }

  /** kill -9 */
  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  async stop(): Promise<void> {
    await this.#end('SIGTERM')
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const gone = once(this.#child, 'exit')
      this.#child.kill(signal)
      await gone
    }
    this.#folder.remove()
  }
}
