import { type ChildProcess, execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { root } from '../../support/checkout.ts'
import type { Network } from './network.ts'
import { bpfRuns, cpuSeconds, residentMiB } from './process.ts'

/** What the aims are measured with: packets, drops, DNS and TCP on the router's interfaces, served to Hubble and Prometheus. */
const CONFIG = `
receivers: {ebpf: {}}
processors: {dns: {}}
connectors: {hubble_metrics: {metrics: [dns, drop, tcp, flow, port-distribution, icmp]}}
exporters:
  hubble: {endpoint: "127.0.0.1:4245"}
  prometheus: {endpoint: "127.0.0.1:9965"}
extensions: {health_check: {endpoint: "127.0.0.1:13133"}}
service:
  extensions: [health_check]
  telemetry: {metrics: {readers: [{pull: {exporter: {prometheus: {host: "127.0.0.1", port: 8888}}}}]}}
  pipelines:
    flows: {receivers: [ebpf], processors: [dns], exporters: [hubble, hubble_metrics]}
    metrics: {receivers: [hubble_metrics], exporters: [prometheus]}
`

/** As in the scripts of package.json. */
const YOUNG_GENERATION = '--max-semi-space-size=2'

const START_TIMEOUT_MS = 30_000
const STOP_TIMEOUT_MS = 15_000

/** Counters of loss among the agent's own metrics, of records whose counts waited for the next one, and of records read. */
const LOSS = /lost|refused|failed|dropped|ring_full|malformed_records/
const DEFERRED = /^fovea_ebpf_deferred_records/
const RECORDS = /^fovea_ebpf_records/

/** What the agent has used and counted since it was started. */
export interface Usage {
  cpuSeconds: number
  residentMiB: number
  bpf: ReturnType<typeof bpfRuns>
  records: number
  /** Counter of loss → its value; several counters may tell the same loss at different stages. */
  losses: Readonly<Record<string, number>>
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
    const child = network.start(
      network.router,
      log,
      process.execPath,
      YOUNG_GENERATION,
      main,
      'run',
      '--config',
      config,
    )
    const agent = new Agent(network, child, log)
    try {
      await agent.#fetch('http://127.0.0.1:13133', START_TIMEOUT_MS)
    } catch {
      await agent.stop() // what it wrote says more than that nobody answered
      throw new Error(`the agent did not become ready:\n${readFileSync(log, 'utf8')}`)
    }
    return agent
  }

  async usage(): Promise<Usage> {
    const pid = this.#pid()
    const counters = parseCounters(await this.#fetch('http://127.0.0.1:8888/metrics', 5_000))
    const sum = (wanted: (name: string) => boolean) =>
      counters.filter(({ name }) => wanted(name)).reduce((total, { value }) => total + value, 0)
    return {
      cpuSeconds: cpuSeconds(pid),
      residentMiB: residentMiB(pid).most,
      bpf: bpfRuns(pid),
      records: sum((name) => RECORDS.test(name)),
      losses: lossesOf(counters),
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

  /** Asks an address that only the agent's namespace can reach, until it answers well or the agent ends. */
  async #fetch(url: string, timeoutMs: number): Promise<string> {
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
    const over = new AbortController()
    const abort = () => over.abort()
    this.#child.once('exit', abort)
    try {
      const command = this.#network.command(this.#network.router, process.execPath, '--input-type=module', '-e', script)
      const { stdout } = await promisify(execFile)(...command, { signal: over.signal, maxBuffer: 64 << 20 })
      return stdout
    } finally {
      this.#child.off('exit', abort)
    }
  }
}

function lossesOf(counters: ReturnType<typeof parseCounters>): Record<string, number> {
  const losses: Record<string, number> = {}
  for (const { name, value } of counters) if (LOSS.test(name)) losses[name] = (losses[name] ?? 0) + value
  return losses
}

function parseCounters(text: string): { name: string; value: number }[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => ({ name: line.split(/[ {]/)[0] ?? '', value: Number(line.slice(line.lastIndexOf(' ') + 1)) }))
}
