import { createHash } from 'node:crypto'
import { readLimited } from '../../pipeline/config/limited-file.ts'
import type { Telemetry } from '../../pipeline/telemetry.ts'
import type { FileConfig } from './config.ts'
import { DynamicMetrics } from './dynamic-metrics.ts'
import { FlowLog, type FlowLogContext } from './flow-log.ts'
import { type DesiredLog, type LogDefaults, readFlowLogs } from './flow-logs-file.ts'

/** Largest file that is read. */
const MAX_FILE_BYTES = 1024 * 1024

/** What a flow log that is exchanged gets to write what waits. */
const EXCHANGE_MS = 5_000

interface RunningLog {
  log: FlowLog
  key: string
  started: boolean
}

/** The flow logs that a file describes. The file is read again and again: logs whose entries mean the same keep running. */
export class DynamicLogs {
  readonly #config: FileConfig
  readonly #context: FlowLogContext
  readonly #metrics: DynamicMetrics
  readonly #running = new Map<string, RunningLog>()
  #wanted: readonly DesiredLog[] = []
  #content: string | undefined
  /** What was complained of last: the same is not said again every few seconds. */
  #complaint = ''
  #timer: NodeJS.Timeout | undefined
  #applying: Promise<void> | undefined

  constructor(config: FileConfig, context: FlowLogContext, telemetry: Telemetry, exporter: string) {
    this.#config = config
    this.#context = context
    this.#metrics = new DynamicMetrics(telemetry, exporter, () =>
      [...this.#running.values()].map(({ log }) => log.active),
    )
  }

  /** Begins with the file as it is; one that is missing or bad may become a good one later. */
  async start(): Promise<void> {
    this.#metrics.start()
    await this.#refresh()
    this.#timer = setInterval(() => void this.#refresh(), this.#config.dynamic.interval).unref()
  }

  *logs(): Generator<FlowLog> {
    for (const { log } of this.#running.values()) yield log
  }

  async shutdown(deadlineMs: number): Promise<void> {
    clearInterval(this.#timer)
    await this.#applying
    const running = [...this.#running.values()]
    this.#running.clear()
    this.#metrics.close()
    await Promise.all(running.map(({ log }) => log.shutdown(deadlineMs)))
  }

  /** One run at a time; never rejects. */
  #refresh(): Promise<void> {
    this.#applying ??= this.#readAndApply().finally(() => {
      this.#applying = undefined
    })
    return this.#applying
  }

  async #readAndApply(): Promise<void> {
    const problems: string[] = []
    await this.#read().catch((error: Error) => problems.push(error.message))
    for (const problem of await this.#apply()) problems.push(problem)
    this.#complain(problems.join('\n'))
  }

  /** Reads the file; what was wanted before stays when it is bad. @throws Error what is wrong with it */
  async #read(): Promise<void> {
    const { path } = this.#config.dynamic
    try {
      const content = await readLimited(path, MAX_FILE_BYTES)
      if (content === this.#content) return
      this.#wanted = readFlowLogs(content, path, logDefaults(this.#config))
      this.#content = content
      this.#metrics.applied(createHash('md5').update(content).digest().readBigUInt64LE(0))
    } catch (error) {
      this.#metrics.reconfigured('failure')
      throw error
    }
  }

  /** Makes what runs be what is wanted. Returns what did not work; it is tried again at the next reading. */
  async #apply(): Promise<string[]> {
    const changed = this.#wanted.filter(({ name, key }) => this.#running.get(name)?.key !== key)
    // Without a wait between them: whatever comes is for the old ones or for the new ones.
    const outdated = [...this.#remove(), ...changed.flatMap((wanted) => this.#exchange(wanted) ?? [])]
    // All of them before one begins: it may take over the file of another.
    const ends = await Promise.allSettled(outdated.map((log) => log.shutdown(Date.now() + EXCHANGE_MS)))
    const problems = ends.flatMap((end) => (end.status === 'rejected' ? [`closing a file: ${end.reason.message}`] : []))
    return [...problems, ...(await this.#startNew())]
  }

  /** Takes out the logs that nobody wants any more, and returns them. */
  #remove(): FlowLog[] {
    const names = new Set(this.#wanted.map(({ name }) => name))
    const unwanted = [...this.#running].filter(([name]) => !names.has(name))
    for (const [name] of unwanted) {
      this.#running.delete(name)
      this.#metrics.forget(name)
      this.#metrics.reconfigured('remove')
    }
    return unwanted.map(([, { log }]) => log)
  }

  /** From now on flows wait for the new log; the old one is returned. */
  #exchange({ name, settings, key }: DesiredLog): FlowLog | undefined {
    const old = this.#running.get(name)?.log
    const log = new FlowLog(settings, this.#context)
    this.#running.set(name, { log, key, started: false })
    this.#metrics.tell(name, () => log.active)
    this.#metrics.reconfigured(old === undefined ? 'add' : 'update')
    return old
  }

  async #startNew(): Promise<string[]> {
    const problems: string[] = []
    for (const [name, entry] of this.#running) {
      if (entry.started) continue
      try {
        await entry.log.start()
        entry.started = true
      } catch (error) {
        this.#metrics.reconfigured('failure')
        problems.push(`flow log ${JSON.stringify(name)}: ${(error as Error).message}`)
      }
    }
    return problems
  }

  #complain(complaint: string): void {
    const { log, report } = this.#context
    if (complaint === this.#complaint) return
    this.#complaint = complaint
    if (complaint === '') {
      log.info('Flow logs are as their file says')
      report({ at: 'ok' })
      return
    }
    log.error(`Flow logs stay as they are: ${complaint}`)
    report({ at: 'recoverable_error', error: new Error(complaint) })
  }
}

function logDefaults({ rotation, mode, create_directory }: FileConfig): LogDefaults {
  return {
    maxMegabytes: rotation.max_megabytes,
    maxBackups: rotation.max_backups,
    maxDays: rotation.max_days,
    mode,
    createDirectory: create_directory,
  }
}
