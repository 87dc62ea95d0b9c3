import { before } from '../../pipeline/deadline.ts'
import { writeDescriptor } from '../../pipeline/write-descriptor.ts'

/** Text kept while the reader of the output is slow. */
const LIMIT_BYTES = 256 * 1024

/** Lines to a file descriptor, never waited for: one write is under way at a time, behind it waits a bounded rest. */
export class TextOutput {
  readonly #fd: number
  #waiting: string[] = []
  #waitingBytes = 0
  #writing: Promise<void> | undefined
  #broken = false

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
    if (this.#waiting.length > 0) this.#writing ??= this.#write()
  }

  /** Resolves when all is written, the output is gone, or `deadlineMs` (Unix time) has passed. */
  async drain(deadlineMs: number): Promise<void> {
    this.flush()
    if (this.#writing !== undefined) await before(deadlineMs, this.#writing)
  }

  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      const bytes = Buffer.from(this.#waiting.join(''))
      this.#waiting = []
      this.#waitingBytes = 0
      try {
        await writeDescriptor(this.#fd, bytes, () => false)
      } catch {
        // Nobody reads any more (EPIPE): what follows is not shown, the pipeline goes on.
        this.#broken = true
        this.#waiting = []
      }
    }
    this.#writing = undefined
  }
}
