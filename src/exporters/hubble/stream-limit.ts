import { status } from '@grpc/grpc-js'
import type { Logger } from 'pino'
import { LOCAL_CLIENT } from '../../pipeline/settings/client-table.ts'

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

export interface StreamLimits {
  /** Streams of all clients. */
  most: number
  /** Streams of one client of the network. */
  mostPerClient: number
}

/** Keeps the number of streams bounded, of whatever service, and knows those of ours that run. */
export class StreamLimit {
  readonly #limits: StreamLimits
  readonly #log: Logger
  readonly #open = new Map<string, number>()
  readonly #running = new Set<RunningStream>()
  #total = 0

  constructor(limits: StreamLimits, log: Logger) {
    this.#limits = limits
    this.#log = log
  }

  /** Streams that run: their request has been understood. */
  get size(): number {
    return this.#running.size
  }

  /** Counts a stream in, unless it is one too many; then it says which limit is reached. */
  open(client: string): 'limit' | 'client_limit' | undefined {
    if (this.#total >= this.#limits.most) return 'limit'
    const open = this.#open.get(client) ?? 0
    if (open >= this.#limits.mostPerClient && client !== LOCAL_CLIENT) return 'client_limit'
    this.#open.set(client, open + 1)
    this.#total++
    return undefined
  }

  /** Counts a stream out. */
  closed(client: string): void {
    const open = this.#open.get(client) ?? 0
    if (open > 1) this.#open.set(client, open - 1)
    else this.#open.delete(client)
    this.#total--
  }

  /** Runs a stream that was counted in. */
  run(call: StreamCall, stream: RunningStream): void {
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
