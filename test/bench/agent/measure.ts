import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { root } from '../../support/checkout.ts'
import { Agent, type Usage } from './agent.ts'
import type { Network } from './network.ts'
import type { Workload } from './workloads.ts'

/** What one run of a workload did; `usage` is the agent's, by difference, where one ran. */
export interface Run {
  operationsPerSecond: number
  p50Us: number
  p99Us: number
  hooks: number
  usage?: Usage
}

/** How long the agent may finish what it has received before it is asked what it used. */
const SETTLE_MS = 500

/** Compiles the traffic program into `folder`. @returns its path @throws Error with gcc's message */
function compileTraffic(folder: string): string {
  const program = join(folder, 'traffic')
  const sources = ['traffic.c', 'serve.c'].map((file) => join(root, 'test/bench/agent', file))
  execFileSync('gcc', ['-O2', '-Wall', '-Wextra', '-o', program, ...sources], { stdio: 'inherit' })
  return program
}

/** Runs workloads through the network, with and without the agent. */
export class Bench {
  readonly #network: Network
  readonly #folder: string
  readonly #traffic: string
  readonly #seconds: number

  constructor(network: Network, folder: string, seconds: number) {
    this.#network = network
    this.#folder = folder
    this.#traffic = compileTraffic(folder)
    this.#seconds = seconds
  }

  /** Starts what answers the workloads, in the server's namespace. @returns how to end it */
  async serve(): Promise<() => void> {
    const { server, serverAddress } = this.#network
    const child = this.#network.start(server, join(this.#folder, 'servers.log'), this.#traffic, 'serve', serverAddress)
    await sleep(SETTLE_MS)
    if (child.exitCode !== null) throw new Error('the traffic servers did not start')
    return () => child.kill('SIGKILL')
  }

  without(workload: Workload): Run {
    return this.#run(workload)
  }

  /** @param countTime whether BPF run time is counted: that costs a little of the throughput */
  async with(workload: Workload, countTime = false): Promise<Run> {
    const agent = await Agent.start(this.#network, this.#folder)
    const restore = countTime ? countBpfTime() : () => {}
    try {
      const before = await agent.usage()
      const run = this.#run(workload)
      await sleep(SETTLE_MS)
      return { ...run, usage: difference(await agent.usage(), before) }
    } finally {
      restore()
      await agent.stop()
    }
  }

  /** Resident MiB of an agent that has seen no traffic for a while. */
  async idleMiB(): Promise<number> {
    const agent = await Agent.start(this.#network, this.#folder)
    try {
      await sleep(3_000)
      return agent.residentMiB()
    } finally {
      await agent.stop()
    }
  }

  #run(workload: Workload): Run {
    const { client, serverAddress } = this.#network
    this.#network.segments(workload.segments)
    const before = this.#network.hooks()
    const args = [workload.traffic, serverAddress, String(this.#seconds), String(workload.rate)]
    const said = JSON.parse(this.#network.in(client, this.#traffic, ...args)) as Record<string, number>
    const { operations = 0, seconds = 1, p50 = 0, p99 = 0 } = said
    return { operationsPerSecond: operations / seconds, p50Us: p50, p99Us: p99, hooks: this.#network.hooks() - before }
  }
}

function difference(after: Usage, before: Usage): Usage {
  const runs = (kind: 'interfaces' | 'others') => ({
    runs: after.bpf[kind].runs - before.bpf[kind].runs,
    nanoseconds: after.bpf[kind].nanoseconds - before.bpf[kind].nanoseconds,
  })
  return {
    cpuSeconds: after.cpuSeconds - before.cpuSeconds,
    residentMiB: after.residentMiB,
    bpf: { interfaces: runs('interfaces'), others: runs('others') },
    records: after.records - before.records,
    losses: Object.fromEntries(
      Object.entries(after.losses).map(([name, value]) => [name, value - (before.losses[name] ?? 0)]),
    ),
    deferred: after.deferred - before.deferred,
  }
}

/** Switches the kernel's count of BPF run time on. @returns how to put back what was set before */
function countBpfTime(): () => void {
  const setting = '/proc/sys/kernel/bpf_stats_enabled'
  const before = readFileSync(setting, 'utf8')
  writeFileSync(setting, '1')
  return () => writeFileSync(setting, before)
}
