import { status } from '@grpc/grpc-js'
import type { Logger } from 'pino'

/** A stream that runs for a while. */
export interface RunningStream {
  /** Ends with the answer, or with the client. */
  run(): Promise<void>
  /** Asks it to end. */
  stop(): void
}

/** The part of a call that every stream has. */
export interface StreamCall {
  emit(event: 'error', error: { code: status; details: string }): boolean
}

/** Keeps the number of streams bounded, and knows those that run. */
export class StreamLimit {
  /** Streams refused so far. */
  refused = 0
  readonly #most: number
  readonly #log: Logger
  readonly #running = new Set<RunningStream>()

  constructor(most: number, log: Logger) {
    this.#most = most
    this.#log = log
  }

  get size(): number {
    return this.#running.size
  }

  /** Runs a stream, or refuses its call with RESOURCE_EXHAUSTED. */
  run(call: StreamCall, stream: RunningStream): void {
    if (this.#running.size >= this.#most) {
      this.refused++
      const details = `${this.#most} streams are open already (setting max_concurrent_streams)`
      call.emit('error', { code: status.RESOURCE_EXHAUSTED, details })
      return
    }
    this.#running.add(stream)
    stream
      .run()
      .catch((error: Error) => {
        this.#log.error({ err: error }, 'A stream of flows failed')
        call.emit('error', { code: status.INTERNAL, details: error.message })
      })
      .finally(() => this.#running.delete(stream))
  }

  /** Asks all to end. */
  stop(): void {
    for (const stream of this.#running) stream.stop()
  }
}
