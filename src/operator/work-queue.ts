import type { Logger } from 'pino'
import type { ApiError } from '../kubernetes/api-error.ts'
import { Backoff } from '../pipeline/backoff.ts'
import type { Counter, Telemetry } from '../pipeline/telemetry.ts'

export interface WorkQueueOptions {
  /** For metrics: `pods`. */
  name: string
  /** Keys worked on at a time. */
  concurrency: number
  /** Brings one key to where it should be. Called for one key at a time never twice at once. */
  work(key: string, signal: AbortSignal): Promise<void>
  /** Told of every failure. @param failures how often in a row */
  failed?(key: string, error: Error, failures: number): void
  log: Logger
  telemetry: Telemetry
  firstMs?: number
  mostMs?: number
  random?: () => number
}

const FIRST_MS = 250
const MOST_MS = 60_000

/**
 * Keys to be worked on, each at most once in the queue and at most once under way: what is asked for meanwhile is done again
 * afterwards. A key that fails waits longer each time, without holding up the others. It holds no more than there are keys.
 */
export class WorkQueue {
  readonly #options: WorkQueueOptions
  readonly #ready = new Set<string>()
  readonly #active = new Set<string>()
  /** Asked for again while under way. */
  readonly #again = new Set<string>()
  readonly #waiting = new Map<string, { backoff: Backoff; timer: NodeJS.Timeout | undefined }>()
  readonly #stopping = new AbortController()
  readonly #done: Counter
  readonly #failed: Counter
  readonly #endGauge: () => void
  #idle: (() => void)[] = []

  constructor(options: WorkQueueOptions) {
    this.#options = options
    const { name, telemetry } = options
    const counter = (result: string) =>
      telemetry.counter('fovea_operator_reconciles', 'Keys worked on.', { queue: name, result })
    this.#done = counter('success')
    this.#failed = counter('error')
    const help = 'Keys waiting to be worked on.'
    this.#endGauge = telemetry.gauge('fovea_operator_queue_depth', help, { queue: name }, () => this.depth)
  }

  /** Keys that are not done: ready, under way or waiting after a failure. */
  get depth(): number {
    const waiting = [...this.#waiting.values()].filter(({ timer }) => timer !== undefined).length
    return this.#ready.size + this.#active.size + waiting
  }

  add(key: string): void {
    if (this.#stopping.signal.aborted) return
    if (this.#active.has(key)) {
      this.#again.add(key)
      return
    }
    // News about a key that waits after a failure may be what it waits for.
    const waiting = this.#waiting.get(key)
    clearTimeout(waiting?.timer)
    if (waiting !== undefined) waiting.timer = undefined
    this.#ready.add(key)
    this.#fill()
  }

  /** Resolves once nothing is ready, under way or waiting. */
  async whenIdle(): Promise<void> {
    if (this.depth > 0) await new Promise<void>((resolve) => this.#idle.push(resolve))
  }

  /** Ends what is under way and forgets the rest. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#ready.clear()
    this.#again.clear()
    for (const { timer } of this.#waiting.values()) clearTimeout(timer)
    this.#waiting.clear()
    await this.whenIdle()
    this.#endGauge()
  }

  #fill(): void {
    for (const key of this.#ready) {
      if (this.#active.size >= this.#options.concurrency) return
      this.#ready.delete(key)
      this.#active.add(key)
      void this.#run(key)
    }
  }

  async #run(key: string): Promise<void> {
    const { signal } = this.#stopping
    try {
      await this.#options.work(key, signal)
      this.#waiting.delete(key)
      this.#done.add(1)
    } catch (error) {
      if (!signal.aborted) this.#retry(key, error as Error)
    }
    this.#active.delete(key)
    if (this.#again.delete(key)) this.add(key)
    this.#fill()
    if (this.depth > 0) return
    for (const resolve of this.#idle.splice(0)) resolve()
  }

  #retry(key: string, error: Error): void {
    this.#failed.add(1)
    const { firstMs = FIRST_MS, mostMs = MOST_MS, random } = this.#options
    const entry = this.#waiting.get(key) ?? { backoff: new Backoff(firstMs, mostMs, random), timer: undefined }
    const waitMs = entry.backoff.next((error as Partial<ApiError>).retryAfterMs ?? 0)
    entry.timer = setTimeout(() => {
      entry.timer = undefined
      this.add(key)
    }, waitMs)
    this.#waiting.set(key, entry)
    this.#options.failed?.(key, error, entry.backoff.failures)
  }
}
