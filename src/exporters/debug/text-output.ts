import { write } from 'node:fs'

/** Text kept while the reader of the output is slow. */
const LIMIT_BYTES = 256 * 1024
/** A pipe that is full and does not block tells EAGAIN: it is asked again after this. */
const RETRY_MS = 20

/**
 * Writes to a file descriptor without ever blocking the event loop: streams of Node write to terminals and pipes
 * synchronously, `fs.write` does so in the thread pool. One write is under way at a time, behind it waits a bounded rest.
 */
export class TextOutput {
  readonly #fd: number
  #waiting: string[] = []
  #waitingBytes = 0
  #writing = false
  #broken = false
  #idle: (() => void)[] = []

  constructor(fd: number) {
    this.#fd = fd
  }

  /** Whether a line would be taken now. */
  get hasRoom(): boolean {
    return this.#waitingBytes < LIMIT_BYTES && !this.#broken
  }

  /** Adds a line; its line feed is added here. */
  line(text: string): void {
    if (!this.hasRoom) return
    this.#waiting.push(text, '\n')
    this.#waitingBytes += text.length + 1
  }

  /** Begins to write what waits. */
  flush(): void {
    if (this.#writing || this.#waiting.length === 0) return
    this.#writing = true
    const bytes = Buffer.from(this.#waiting.join(''))
    this.#waiting = []
    this.#waitingBytes = 0
    this.#write(bytes)
  }

  /** Resolves when all is written, the output is gone, or `deadlineMs` (Unix time) has passed. */
  async drain(deadlineMs: number): Promise<void> {
    this.flush()
    if (!this.#writing) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, Math.max(0, deadlineMs - Date.now()))
      this.#idle.push(() => {
        clearTimeout(timer)
        resolve()
      })
    })
  }

  #write(bytes: Buffer): void {
    write(this.#fd, bytes, (error, written) => {
      if (error?.code === 'EAGAIN') setTimeout(() => this.#write(bytes), RETRY_MS)
      else if (error) this.#end(true)
      else if (written < bytes.length) this.#write(bytes.subarray(written))
      else this.#end(false)
    })
  }

  /** @param broken nobody reads any more (EPIPE): what follows is not shown, the pipeline goes on */
  #end(broken: boolean): void {
    this.#writing = false
    this.#broken ||= broken
    if (broken) this.#waiting = []
    this.flush()
    if (this.#writing) return
    for (const done of this.#idle.splice(0)) done()
  }
}
