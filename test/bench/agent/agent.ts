import type { ChildProcess } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../../support/checkout.ts'
import type { Network } from './network.ts'
import { bpfRuns, cpuSeconds, residentMiB } from './process.ts'

/** What the aims are measured with: packets, drops, DNS and TCP on the router's interfaces, served to Hubble and Prometheus. */
const CONFIG = `
receivers: {ebpf: {}}
connectors: {hubble_metrics: {metrics: [dns, drop, tcp, flow, port-distribution, icmp]}}
exporters:
  hubble: {endpoint: "127.0.0.1:4245"}
  prometheus: {endpoint: "127.0.0.1:9965"}
extensions: {health_check: {endpoint: "127.0.0.1:13133"}}
service:
  extensions: [health_check]
  pipelines:
    flows: {receivers: [ebpf], exporters: [hubble, hubble_metrics]}
    metrics: {receivers: [hubble_metrics], exporters: [prometheus]}
`

const START_TIMEOUT_MS = 30_000
const STOP_TIMEOUT_MS = 15_000

/** Counters of loss among the agent's own metrics, and of what it took. */
const LOSS = /lost|refused|failed|dropped/
const DEFERRED = /deferred/
const ACCEPTED = 'otelcol_receiver_accepted_flows'

/** What the agent has used and counted since it was started. */
export interface Usage {
  cpuSeconds: number
  residentMiB: number
  bpf: ReturnType<typeof bpfRuns>
  accepted: number
  lost: number
  deferred: number
}

/** The agent as users run it (dist/), in the router's namespace. */
export class Agent {
  readonly #network: Network
  readonly #child: ChildProcess
  readonly #log: string

  private constructor(network: Network, child: ChildProcess, log: string) {
    this.#network = network
    this.#child = child
    this.#log = log
  }

  /** @param folder where its configuration and log are written @throws Error with what the agent said when it does not become ready */
  static async start(network: Network, folder: string): Promise<Agent> {
    const config = join(folder, 'agent.yaml')
    writeFileSync(config, CONFIG)
    const main = join(root, 'dist/src/main.js')
    const log = join(folder, 'agent.log')
    const child = network.start(network.router, log, process.execPath, main, 'run', '--config', config)
    const agent = new Agent(network, child, log)
    try {
      agent.#fetch('http://127.0.0.1:13133', START_TIMEOUT_MS)
    } catch (cause) {
      await agent.stop()
      throw new Error(`the agent did not become ready:\n${readFileSync(log, 'utf8')}`, { cause })
    }
    return agent
  }

  usage(): Usage {
    const pid = this.#pid()
    const counters = parseCounters(this.#fetch('http://127.0.0.1:8888/metrics', 5_000))
    const sum = (wanted: (name: string) => boolean) =>
      counters.filter(({ name }) => wanted(name)).reduce((total, { value }) => total + value, 0)
    return {
      cpuSeconds: cpuSeconds(pid),
      residentMiB: residentMiB(pid).most,
      bpf: bpfRuns(pid),
      accepted: sum((name) => name.startsWith(ACCEPTED)),
      lost: sum((name) => LOSS.test(name)),
      deferred: sum((name) => DEFERRED.test(name)),
    }
  }

  residentMiB(): number {
    return residentMiB(this.#pid()).now
  }

  /** Ends it in order; after a while by force. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = new Promise((resolve) => this.#child.once('close', resolve))
    this.#child.kill('SIGTERM')
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_TIMEOUT_MS)
    await ended
    clearTimeout(timer)
  }

  #pid(): number {
    if (this.#child.exitCode !== null || this.#child.pid === undefined)
      throw new Error(`the agent ended:\n${readFileSync(this.#log, 'utf8')}`)
    return this.#child.pid
  }

  /** Asks an address that only the agent's namespace can reach, until it answers well. */
  #fetch(url: string, timeoutMs: number): string {
    const script = `
      const giveUpMs = Date.now() + ${timeoutMs}
      for (;;) try {
        const response = await fetch('${url}')
        if (!response.ok) throw new Error(response.status)
        process.stdout.write(await response.text())
        break
      } catch (cause) {
        if (Date.now() > giveUpMs) throw cause
        await new Promise((resolve) => setTimeout(resolve, 100))
      }`
    return this.#network.in(this.#network.router, process.execPath, '--input-type=module', '-e', script)
  }
}

function parseCounters(text: string): { name: string; value: number }[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => ({ name: line.split(/[ {]/)[0] ?? '', value: Number(line.slice(line.lastIndexOf(' ') + 1)) }))
}
