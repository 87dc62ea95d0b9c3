import { type ServerWritableStream, status } from '@grpc/grpc-js'

/**
 * A call whose answers are written only while gRPC takes them: a client that reads slowly, or never, holds a few messages.
 * Whoever writes sleeps here until the client reads, something else happens (`wake`), or the client is gone.
 */
export class PacedCall<Request, Answer> {
  readonly #call: ServerWritableStream<Request, Answer>
  #cancelled = false
  #stopping = false
  #writable = true
  /** Something happened, and nobody has slept or looked since. */
  #news = false
  #resume = () => {}

  constructor(call: ServerWritableStream<Request, Answer>) {
    this.#call = call
    call.on('cancelled', () => {
      this.#cancelled = true
      this.wake()
    })
    call.on('drain', () => {
      this.#writable = true
      this.wake()
    })
  }

  /** Whether the client is gone. */
  get cancelled(): boolean {
    return this.#cancelled
  }

  /** Whether the server ends. */
  get stopping(): boolean {
    return this.#stopping
  }

  /** The server ends: what waits looks again. */
  stop(): void {
    this.#stopping = true
    this.wake()
  }

  /** Hands an answer to gRPC. Returns whether it takes more at once; if not, `drained` is to be waited for. */
  offer(answer: Answer): boolean {
    this.#writable = this.#call.write(answer)
    return this.#writable
  }

  /** Resolves when gRPC takes more, or the client is gone. */
  async drained(): Promise<void> {
    while (!this.#writable && !this.#cancelled) await this.sleep()
  }

  /** `offer` and `drained`. */
  async write(answer: Answer): Promise<void> {
    if (!this.offer(answer)) await this.drained()
  }

  /** The answer is complete. */
  end(): void {
    if (!this.#cancelled) this.#call.end()
  }

  /** The server ends before the answer does: never OK, which hubble-relay takes for good. */
  interrupt(): void {
    this.#call.emit('error', { code: status.UNAVAILABLE, details: 'the agent is shutting down' })
  }

  /** Something happened: whoever sleeps looks. */
  wake(): void {
    this.#news = true
    this.#resume()
  }

  /** Until something happens, or for `ms`. What happened on the way here counts: whoever slept looks again. */
  async sleep(ms?: number): Promise<void> {
    if (!this.#news) {
      let timer: NodeJS.Timeout | undefined
      await new Promise<void>((resolve) => {
        this.#resume = resolve
        if (ms !== undefined) timer = setTimeout(resolve, ms)
      })
      clearTimeout(timer)
    }
    this.#news = false
  }
}
