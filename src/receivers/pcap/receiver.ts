import { setTimeout as sleep } from 'node:timers/promises'
import { FlowBatch } from '../../flow/batch.ts'
import { type Component, type CreateContext, type FlowConsumer, RefusedError } from '../../pipeline/component.ts'
import { CaptureCounters } from './capture-counters.ts'
import { CaptureFile } from './capture-file.ts'
import { unknownFormat } from './capture-format.ts'
import type { CaptureResult, CaptureState, CaptureStop, CaptureTask } from './capture-worker.ts'
import type { PcapConfig } from './config.ts'
import { connectionBytes } from './connections.ts'
import type { TimeMap } from './flow-rows.ts'
import { LINK_TYPES } from './link-layer.ts'

const WORKER = new URL(`./capture-worker${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url)

/** Packets are delivered in steps of this in original timing. */
const STEP_MS = 50
/** Longest wait: what is idle must be reported and ended in time. */
const LONGEST_STEP_MS = 1_000
/** Between two passes of a loop. */
const LOOP_PAUSE_MS = 1_000
/** A worker that dies at the same place again will do so for ever. */
const MOST_WORKER_DEATHS = 3

/** How one pass over the file ended. */
type Ending = 'end' | 'stopped' | 'failed'

/** Replays a capture as flows. Decoding runs in the pool; here are the file, the clock and the way to the consumer. */
export class PcapReceiver implements Component {
  readonly #context: CreateContext
  readonly #config: PcapConfig
  readonly #next: FlowConsumer
  readonly #file: CaptureFile
  readonly #counters: CaptureCounters
  readonly #stop = new AbortController()
  #running: Promise<void> | undefined
  #state: CaptureState
  #time: TimeMap | undefined
  #workerDeaths = 0
  #warned = new Set<string>()

  constructor(context: CreateContext, config: PcapConfig, next: FlowConsumer) {
    this.#context = context
    this.#config = config
    this.#next = next
    this.#file = new CaptureFile(config.file)
    this.#counters = new CaptureCounters(context)
    this.#state = this.#freshState()
  }

  /** Resolves when the capture was replayed, which a looped one never is. */
  get ended(): Promise<void> {
    return this.#running ?? Promise.resolve()
  }

  /** Rejects when the file cannot be read, is no capture, or has a link type that is not read. */
  async start(): Promise<void> {
    await this.#file.open()
    await this.#file.read()
    const stop = await this.#step(Number.NEGATIVE_INFINITY)
    if (stop?.why === 'broken') throw new Error(this.#brokenMessage(stop))
    if (stop?.why === 'more' && this.#state.format.kind === 'unknown') {
      throw new Error(`setting "file": ${this.#config.file} is no pcap or pcapng file: it has ${this.#file.to} bytes`)
    }
    this.#checkLinkType()
    this.#running = this.#replay(stop)
  }

  async shutdown(deadlineMs: number): Promise<void> {
    this.#stop.abort()
    const late = sleep(Math.max(0, deadlineMs - Date.now()), undefined, { ref: false })
    await Promise.race([this.#running, late])
    await this.#file.close()
  }

  async #replay(first: CaptureStop | undefined): Promise<void> {
    try {
      let stop = first
      for (;;) {
        const ending = await this.#pass(stop)
        await this.#flush()
        if (ending !== 'end' || !this.#config.loop || this.#stop.signal.aborted) break
        // Even a capture of one instant must not make a busy loop.
        await this.#pause(LOOP_PAUSE_MS)
        this.#rewind()
        await this.#file.read()
        stop = await this.#step(Number.NEGATIVE_INFINITY)
      }
      if (!this.#stop.signal.aborted) this.#context.log.info(`capture ${this.#config.file} was replayed to its end`)
    } catch (error) {
      if (this.#stop.signal.aborted) return
      this.#context.report({ at: 'permanent_error', error: error as Error })
      this.#context.log.error({ err: error }, `replaying ${this.#config.file} ended`)
    }
  }

  /** Delivers the capture once, from its first packet on. */
  async #pass(first: CaptureStop | undefined): Promise<Ending> {
    let stop = first
    if (stop?.why === 'due') this.#time = this.#timeMap(stop)
    while (!this.#stop.signal.aborted) {
      if (stop?.why === 'broken') return this.#broken(stop)
      if (stop?.why === 'more' && !(await this.#file.read())) return this.#atEnd()
      if (stop?.why === 'due') await this.#waitFor(stop)
      stop = await this.#step(this.#due())
    }
    return 'stopped'
  }

  /** Has the pool read on, and delivers what it found. Returns undefined when the worker died. */
  async #step(until: number, flush = false): Promise<CaptureStop | undefined> {
    const { aggregation, max_connections, report_interval, vantage } = this.#config
    const task: CaptureTask = {
      chunk: this.#file.chunk,
      from: this.#file.from,
      to: this.#file.to,
      state: this.#state,
      until,
      flush,
      time: this.#time,
      aggregate: aggregation === 'connection',
      maxConnections: max_connections,
      vantage,
      reportIntervalSeconds: report_interval / 1000,
    }
    let result: CaptureResult
    try {
      result = await this.#context.pool.run(WORKER, 'decodeCapture', task, [task.chunk, task.state.table])
    } catch (error) {
      return this.#workerDied(error as Error)
    }
    if (!result.ok) return this.#workerDied(new Error(result.message))
    this.#file.giveBack(result.chunk, result.at)
    this.#state = result.state
    this.#counters.add(result.counts)
    if (result.counts.unreadLink > 0) this.#warnLinkTypes()
    if (result.parts.length > 0) await this.#deliver(new FlowBatch(result.parts))
    return result.stop
  }

  async #deliver(batch: FlowBatch): Promise<void> {
    try {
      await this.#next.consume(batch)
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error
      this.#warnOnce('refused', `flows are refused and not shown: ${error.message}`)
    }
  }

  /** What the table held is lost with the worker; the chunk is read again. */
  #workerDied(error: Error): undefined {
    this.#counters.workerDied()
    if (++this.#workerDeaths >= MOST_WORKER_DEATHS) {
      throw new Error(`reading ${this.#config.file} at byte ${this.#file.offsetOf(this.#file.from)} ends the worker`, {
        cause: error,
      })
    }
    this.#context.log.error({ err: error }, 'a worker died; its connections are counted anew')
    this.#file.reread()
    this.#state = { ...this.#freshState(), format: this.#state.format }
  }

  async #flush(): Promise<void> {
    let stop: CaptureStop | undefined
    do stop = await this.#step(Number.POSITIVE_INFINITY, true)
    while (stop?.why === 'rows')
  }

  #rewind(): void {
    this.#file.rewind()
    this.#state = this.#freshState()
  }

  #freshState(): CaptureState {
    const table = new ArrayBuffer(connectionBytes(this.#config.max_connections))
    return { format: unknownFormat(), table, sweptAt: 0 }
  }

  /** The first packet of a pass happens now. */
  #timeMap(first: { seconds: number; nanos: number }): TimeMap | undefined {
    if (this.#config.timing === 'fast') return undefined
    const nowMs = Date.now()
    return {
      originSeconds: first.seconds,
      originNanos: first.nanos,
      startSeconds: Math.floor(nowMs / 1000),
      startNanos: (nowMs % 1000) * 1e6,
      speed: this.#config.speed,
    }
  }

  /** Capture time up to which packets have happened by now. */
  #due(): number {
    const map = this.#time
    if (map === undefined) return Number.POSITIVE_INFINITY
    const elapsed = Date.now() / 1000 - (map.startSeconds + map.startNanos / 1e9)
    return map.originSeconds + map.originNanos / 1e9 + elapsed * map.speed
  }

  async #waitFor(stop: { seconds: number; nanos: number }): Promise<void> {
    if (this.#time === undefined) return
    const waitMs = ((stop.seconds + stop.nanos / 1e9 - this.#due()) / this.#config.speed) * 1000
    await this.#pause(Math.min(Math.max(waitMs, STEP_MS), LONGEST_STEP_MS))
  }

  /** Waits, but not beyond the beginning of the shutdown. */
  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#stop.signal }).catch(() => {})
  }

  #atEnd(): Ending {
    const left = this.#file.to - this.#file.from
    if (left > 0 || this.#state.format.skip > 0) {
      const at = this.#file.offsetOf(this.#file.from)
      this.#warnOnce(
        'cut',
        `capture ${this.#config.file} is cut at byte ${at}: its last ${left} bytes are no whole packet`,
      )
    }
    return 'end'
  }

  #broken(stop: { message: string; at: number }): Ending {
    this.#warnOnce('broken', `${this.#brokenMessage(stop)}; what is before it was delivered`)
    return this.#config.loop ? 'end' : 'failed'
  }

  #brokenMessage({ message, at }: { message: string; at: number }): string {
    return `setting "file": ${this.#config.file} ${message} (at byte ${this.#file.offsetOf(at)})`
  }

  #checkLinkType(): void {
    const [only, ...others] = this.#state.format.interfaces
    if (only === undefined || others.length > 0 || LINK_TYPES[only.linkType] !== undefined) return
    throw new Error(`setting "file": ${this.#config.file} has ${linkTypeError(only.linkType)}`)
  }

  #warnLinkTypes(): void {
    for (const { linkType, name } of this.#state.format.interfaces) {
      if (LINK_TYPES[linkType] !== undefined) continue
      this.#warnOnce(`link ${linkType}`, `packets of interface "${name}" are left out: ${linkTypeError(linkType)}`)
    }
  }

  #warnOnce(key: string, message: string): void {
    if (this.#warned.has(key)) return
    this.#warned.add(key)
    this.#context.log.warn(message)
  }
}

function linkTypeError(linkType: number): string {
  const known = Object.entries(LINK_TYPES).map(([number, name]) => `${name} (${number})`)
  return `link type ${linkType}, which is not read; read are ${known.join(', ')}`
}
