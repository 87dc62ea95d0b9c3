import { setTimeout } from 'node:timers/promises'
import type { CreateContext } from '../component.ts'
import { rarely } from '../rarely.ts'
import type { Counter } from '../telemetry.ts'
import type { Answer } from './answer.ts'
import { printable } from './printable.ts'
import { nextAttemptMs, type RetryConfig } from './retry.ts'

export interface DeliverySettings<Data> {
  /** One attempt; never rejects. */
  attempt(data: Data): Promise<Answer>
  retry: RetryConfig
  /** Items that arrived, were given up, and were not kept by a backend that took the request. */
  counters: { sent: Counter; failed: Counter; rejected: Counter }
}

/** `interrupted` = not delivered when no time was left; counted by nobody yet. */
export type Fate = 'taken' | 'given_up' | 'interrupted'

/**
 * Brings requests to the backend: tries again, counts what arrived and what did not, and tells the state of the backend,
 * in one log line and one status a change.
 */
export class Delivery<Data> {
  readonly #settings: DeliverySettings<Data>
  readonly #context: CreateContext
  readonly #stop = new AbortController()
  readonly #tellPartial: (rejected: number, message: string) => void
  #state: 'ok' | 'retrying' | 'dropping' = 'ok'

  constructor(context: CreateContext, settings: DeliverySettings<Data>) {
    this.#context = context
    this.#settings = settings
    this.#tellPartial = rarely((since, message: string) =>
      context.log.warn({ message: printable(message), dropped_items: since }, 'Partial success response'),
    )
  }

  /** From now on every request gets one attempt, and waiting ones are interrupted. */
  stopRetrying(): void {
    this.#stop.abort()
  }

  /** Never rejects. @param count items that the data holds @param startMs since when the longest time runs, `performance.now()` */
  async deliver(data: Data, count: number, startMs: number = performance.now()): Promise<Fate> {
    for (let attempt = 1; ; attempt++) {
      const answer = await this.#settings.attempt(data)
      if (answer.outcome === 'taken') return this.#taken(answer, count)
      const { error, passing, waitMs: asked } = answer
      if (passing && this.#stop.signal.aborted) return 'interrupted'
      const elapsedMs = performance.now() - startMs
      const waitMs = nextAttemptMs(this.#settings.retry, { passing, waitMs: asked, attempt, elapsedMs })
      if (waitMs === undefined) return this.#gaveUp(error, count)
      this.#willRetry(error, waitMs)
      await setTimeout(waitMs, undefined, { signal: this.#stop.signal }).catch(() => {})
      if (this.#stop.signal.aborted) return 'interrupted'
    }
  }

  #taken({ rejected, message }: { rejected: number; message: string }, count: number): Fate {
    const { counters } = this.#settings
    const lost = Math.min(rejected, count)
    counters.sent.add(count - lost)
    if (lost > 0) counters.rejected.add(lost)
    if (rejected > 0 || message !== '') this.#tellPartial(lost, message)
    if (this.#state === 'ok') return 'taken'
    this.#state = 'ok'
    this.#context.log.info('Exporting works again.')
    this.#context.report({ at: 'ok' })
    return 'taken'
  }

  #willRetry(error: Error, waitMs: number): void {
    if (this.#state !== 'ok') return
    this.#state = 'retrying'
    this.#context.log.warn(
      { err: error.message, interval_ms: Math.round(waitMs) },
      'Exporting failed. Will retry the request after interval.',
    )
    this.#context.report({ at: 'recoverable_error', error })
  }

  #gaveUp(error: Error, count: number): Fate {
    this.#settings.counters.failed.add(count)
    if (this.#state === 'dropping') return 'given_up'
    this.#state = 'dropping'
    this.#context.log.error({ err: error.message, dropped_items: count }, 'Exporting failed. Dropping data.')
    this.#context.report({ at: 'recoverable_error', error })
    return 'given_up'
  }
}
