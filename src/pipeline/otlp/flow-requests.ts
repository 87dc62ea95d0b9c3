import type { FlowBatch } from '../../flow/batch.ts'
import type { OtlpFlowEncoder } from '../../flow/otlp-encode.ts'
import type { OtlpRequestEncoder } from '../../flow/otlp-request.ts'
import type { QueueItem } from '../sending-queue/queue.ts'

/** `sending_queue::batch` */
export interface BatchConfig {
  /** Milliseconds that the first flow waits for others. */
  flush_timeout: number
  /** Flows of a request that is sent without waiting for more. */
  min_size: number
  /** Most flows of a request. */
  max_size: number
}

/** Most bytes of the records of a request of more than one: gRPC servers take messages of 4 MiB unless told otherwise. */
export const MOST_REQUEST_BYTES = 3 * 1024 * 1024

interface Settings {
  flows: OtlpFlowEncoder
  requests: OtlpRequestEncoder
  batch: BatchConfig
  /** Takes a request that is complete. */
  emit(item: QueueItem): void
}

/** Gathers flows into requests. They are encoded at once: nothing of a batch is kept. */
export class FlowRequests {
  readonly #settings: Settings
  #parts: Uint8Array[] = []
  #partBytes = 0
  #waiting = 0
  #timer: NodeJS.Timeout | undefined

  constructor(settings: Settings) {
    this.#settings = settings
  }

  /** Flows that wait for others. */
  get waiting(): number {
    return this.#waiting
  }

  /** Takes all rows of a batch. @param receivedMs Unix milliseconds */
  add(batch: FlowBatch, receivedMs: number): void {
    const { flows, batch: limits } = this.#settings
    flows.refresh()
    for (let row = 0; row < batch.length; ) {
      const to = Math.min(batch.length, row + limits.max_size - this.#waiting)
      this.#append(batch, row, to, receivedMs)
      row = to
    }
    if (this.#waiting > 0) this.#timer ??= setTimeout(() => this.flush(), limits.flush_timeout)
  }

  /** Completes the request that waits. */
  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const flows = this.#waiting
    if (flows === 0) return
    const bytes = this.#settings.requests.request(this.#parts)
    this.#parts = []
    this.#partBytes = this.#waiting = 0
    this.#settings.emit({ bytes, flows })
  }

  #append(batch: FlowBatch, from: number, to: number, receivedMs: number): void {
    const records = this.#settings.flows.records(batch, from, to, receivedMs)
    if (this.#partBytes + records.length > MOST_REQUEST_BYTES) {
      this.flush()
      if (records.length > MOST_REQUEST_BYTES && to - from > 1) {
        const middle = (from + to) >> 1
        this.#append(batch, from, middle, receivedMs)
        this.#append(batch, middle, to, receivedMs)
        return
      }
    }
    // What is sent at once is copied only into the request.
    const complete = this.#waiting + to - from >= this.#settings.batch.min_size
    this.#parts.push(complete ? records : records.slice())
    this.#partBytes += records.length
    this.#waiting += to - from
    if (complete) this.flush()
  }
}
