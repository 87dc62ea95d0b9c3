import { setTimeout } from 'node:timers/promises'
import type { ExportResult } from '@opentelemetry/core'
import type { CreateContext } from '../../pipeline/component.ts'
import type { Counter } from '../../pipeline/telemetry.ts'
import { nextAttemptMs, type RetryConfig } from './retry.ts'

/** What OpenTelemetry's exporters have in common. */
interface Exporter<Data> {
  export(data: Data, done: (result: ExportResult) => void): void
  forceFlush(): Promise<void>
  shutdown(): Promise<void>
}

interface SenderSettings<Data> {
  exporter: Exporter<Data>
  retry: RetryConfig
  /** Items that the data holds. */
  count(data: Data): number
  sent: Counter
  failed: Counter
  /** Called when data was given up. */
  gaveUp?(): void
}

/** `ExportResultCode` of @opentelemetry/core. */
const SUCCESS = 0
const FAILED = 1

/**
 * Stands between a reader or processor of OpenTelemetry's SDK and its exporter: tries again, counts what arrived and what
 * did not, and tells the state of the backend, in one log line and one status a change.
 */
export class Sender<Data> implements Exporter<Data> {
  readonly #settings: SenderSettings<Data>
  readonly #context: CreateContext
  readonly #stop = new AbortController()
  #state: 'ok' | 'retrying' | 'dropping' = 'ok'

  constructor(context: CreateContext, settings: SenderSettings<Data>) {
    this.#context = context
    this.#settings = settings
  }

  export(data: Data, done: (result: ExportResult) => void): void {
    void this.#deliver(data).then((error) => done(error === undefined ? { code: SUCCESS } : { code: FAILED, error }))
  }

  forceFlush(): Promise<void> {
    return this.#settings.exporter.forceFlush()
  }

  shutdown(): Promise<void> {
    return this.#settings.exporter.shutdown()
  }

  /** From now on every item gets one attempt; waiting ones give up. */
  stopRetrying(): void {
    this.#stop.abort()
  }

  /** Never rejects. Returns why the data was given up. */
  async #deliver(data: Data): Promise<Error | undefined> {
    const count = this.#settings.count(data)
    const startMs = Date.now()
    for (let attempt = 1; ; attempt++) {
      const error = await this.#attempt(data)
      if (error === undefined) {
        this.#settings.sent.add(count)
        this.#worked()
        return undefined
      }
      const waitMs = nextAttemptMs(this.#settings.retry, error, attempt, Date.now() - startMs)
      if (waitMs === undefined || this.#stop.signal.aborted) return this.#gaveUp(error, count)
      this.#willRetry(error, waitMs)
      await setTimeout(waitMs, undefined, { signal: this.#stop.signal }).catch(() => {})
      if (this.#stop.signal.aborted) return this.#gaveUp(error, count)
    }
  }

  #attempt(data: Data): Promise<Error | undefined> {
    return new Promise((resolve) => {
      this.#settings.exporter.export(data, ({ code, error }) => {
        resolve(code === SUCCESS ? undefined : (error ?? new Error('export failed')))
      })
    })
  }

  #worked(): void {
    if (this.#state === 'ok') return
    this.#state = 'ok'
    this.#context.log.info('Exporting works again.')
    this.#context.report({ at: 'ok' })
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

  #gaveUp(error: Error, count: number): Error {
    this.#settings.failed.add(count)
    this.#settings.gaveUp?.()
    if (this.#state === 'dropping') return error
    this.#state = 'dropping'
    this.#context.log.error({ err: error.message, dropped_items: count }, 'Exporting failed. Dropping data.')
    this.#context.report({ at: 'recoverable_error', error })
    return error
  }
}
