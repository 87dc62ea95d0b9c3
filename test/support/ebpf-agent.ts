import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { LostEvents } from '../../src/flow/batch.ts'
import { eventually } from './eventually.ts'
import type { NetworkNamespace } from './network-namespace.ts'
import type { InterfaceCounters } from './node-network.ts'

/** One flow as the agent's process tells it; numbers as in `flow/enums.ts`. */
export interface AgentFlow {
  kind: number
  report: number
  point: number
  protocol: number
  ipVersion: number
  source: string
  destination: string
  packets: number
  bytes: number
  vlan: number
  interfaceName: string
  dropReasonName: string
  dropLocation: string
}

/** Packets and bytes of all. */
export function sumOf(flows: readonly AgentFlow[]): InterfaceCounters {
  const total = { packets: 0, bytes: 0 }
  for (const { packets, bytes } of flows) {
    total.packets += packets
    total.bytes += bytes
  }
  return total
}

export type AgentCommand = 'metrics' | 'hold' | 'release' | 'stop' | 'stop soon'

export type AgentMessage =
  | { at: 'started' }
  | { at: 'failed'; name: string; message: string }
  | { at: 'batch'; flows: AgentFlow[]; lost: LostEvents[] }
  | { at: 'metrics'; values: Record<string, number> }
  | { at: 'obeyed' }
  | { at: 'stopped'; values: Record<string, number>; log: string[] }

const PROCESS = fileURLToPath(new URL('./ebpf-agent-process.ts', import.meta.url))

/** The `ebpf` receiver running in a process of its own inside a namespace. */
export class EbpfAgent {
  readonly flows: AgentFlow[] = []
  readonly lost: LostEvents[] = []
  /** What it logged; known when it stopped. */
  log: string[] = []
  readonly #child: ChildProcess
  #answer: AgentMessage | undefined

  private constructor(child: ChildProcess) {
    this.#child = child
    child.on('message', (message: AgentMessage) => {
      if (message.at !== 'batch') this.#answer = message
      else {
        this.flows.push(...message.flows)
        this.lost.push(...message.lost)
      }
    })
  }

  /**
   * @param settings that differ from the receiver's defaults; durations in ms
   * @param wrapper command put before Node, for example to take capabilities away
   * @throws Error when the receiver does not start: name and message as the receiver's
   */
  static async start(space: NetworkNamespace, settings: object = {}, wrapper: string[] = []): Promise<EbpfAgent> {
    const [program, args] = space.command(...wrapper, process.execPath, PROCESS, JSON.stringify(settings))
    const agent = new EbpfAgent(spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] }))
    const message = await agent.#answered()
    if (message.at === 'started') return agent
    agent.kill()
    const { name, message: text } = message as Extract<AgentMessage, { at: 'failed' }>
    throw Object.assign(new Error(text), { name })
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** The receiver's own metrics by name and label values, the receiver's id left out. */
  async metrics(): Promise<Record<string, number>> {
    const message = await this.#ask('metrics')
    return message.at === 'metrics' ? message.values : {}
  }

  /** Waits until so many interfaces of a role are observed. */
  async observes(role: string, count: number): Promise<void> {
    await eventually(`${count} ${role} interfaces`, async () => {
      const metrics = await this.metrics()
      return metrics[`fovea_ebpf_interfaces ${role}`] === count ? true : undefined
    })
  }

  /** Lets the consumer behind the receiver hang, or go on. */
  async hold(): Promise<void> {
    await this.#ask('hold')
  }

  async release(): Promise<void> {
    await this.#ask('release')
  }

  /** Shuts the receiver down in order, soon = with a second's time. Every flow it saw is in `flows` afterwards. @returns its metrics at the end */
  async stop(how: 'stop' | 'stop soon' = 'stop'): Promise<Record<string, number>> {
    const message = await this.#ask(how)
    if (message.at !== 'stopped') return {}
    this.log = message.log
    return message.values
  }

  /** kill -9. Resolves when the process is gone. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const gone = new Promise((resolve) => this.#child.once('exit', resolve))
    this.#child.kill('SIGKILL')
    await gone
  }

  async #ask(command: AgentCommand): Promise<AgentMessage> {
    this.#child.send(command)
    return await this.#answered()
  }

  async #answered(): Promise<AgentMessage> {
    const answer = await eventually("the agent's answer", () => {
      if (this.#answer === undefined && this.#child.exitCode !== null)
        throw new Error(`the agent ended with code ${this.#child.exitCode}`)
      return this.#answer
    })
    this.#answer = undefined
    return answer
  }
}
