import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, rmSync, symlinkSync } from 'node:fs'
import { defaultsOf } from '../../src/pipeline/config/decode.ts'
import { type NodeStatsConfig, nodeStatsConfig } from '../../src/receivers/node_stats/config.ts'
import { NodeStatsReceiver } from '../../src/receivers/node_stats/receiver.ts'
import { createContext, type RecordingContext } from './create-context.ts'
import type { NetworkNamespace } from './network-namespace.ts'
import { TemporaryFolder } from './temporary-folder.ts'

/** Settings with defaults, but for a reading at every read-out. @param settings sections are replaced as a whole */
export function nodeStatsSettings(settings: Partial<NodeStatsConfig> = {}): NodeStatsConfig {
  return { ...(defaultsOf(nodeStatsConfig.schema) as unknown as NodeStatsConfig), collection_interval: 0, ...settings }
}

/** A folder that looks like the mounted file system of a host whose first process runs in a namespace. */
export class HostRoot {
  readonly #folder = new TemporaryFolder()
  readonly #init: ChildProcess

  private constructor(init: ChildProcess) {
    this.#init = init
    mkdirSync(this.#folder.at('proc'))
    symlinkSync(`/proc/${init.pid}`, this.#folder.at('proc/1'))
    symlinkSync('/proc/sys', this.#folder.at('proc/sys'))
    symlinkSync('/sys', this.#folder.at('sys'))
  }

  static async of(space: NetworkNamespace): Promise<HostRoot> {
    const [program, args] = space.command('sh', '-c', 'echo; exec sleep 600')
    const init = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    await once(init.stdout, 'data')
    return new HostRoot(init)
  }

  get path(): string {
    return this.#folder.path
  }

  /** Puts an empty folder in the place of `sys`, and returns its path. */
  emptySys(): string {
    rmSync(this.#folder.at('sys'))
    mkdirSync(this.#folder.at('sys'))
    return this.#folder.at('sys')
  }

  remove(): void {
    this.#init.kill()
    this.#folder.remove()
  }
}

/** The receiver in this process, started. */
export class RunningNodeStats {
  readonly context: RecordingContext = createContext('receiver', 'node_stats')
  readonly receiver: NodeStatsReceiver

  private constructor(settings: Partial<NodeStatsConfig>) {
    this.receiver = new NodeStatsReceiver(this.context, nodeStatsSettings(settings))
  }

  static async start(settings: Partial<NodeStatsConfig>): Promise<RunningNodeStats> {
    const running = new RunningNodeStats(settings)
    await running.receiver.start()
    return running
  }

  /** One metric read anew: values by label values, joined by a blank. */
  async read(metric: string): Promise<Record<string, number>> {
    await this.receiver.source.refresh?.()
    const family = this.receiver.source.families().find(({ name }) => name === metric)
    if (family === undefined) throw new Error(`no metric ${metric}`)
    return Object.fromEntries(
      [...family.ids()].map((id) => [(family.labelValues(id) ?? ['overflow']).join(' '), family.value(id)]),
    )
  }

  stop(): Promise<void> {
    return this.receiver.shutdown()
  }
}
