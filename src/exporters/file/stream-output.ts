import { write } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { type Output, OutputClosedError } from './output.ts'

/** A pipe that is full and does not block tells EAGAIN: it is asked again after this. */
const RETRY_MS = 20

/** Lines to a descriptor that has no end to be cut off at: standard output, a pipe, a terminal. Writes in the thread pool. */
export class StreamOutput implements Output {
  readonly #fd: number
  readonly #end: () => Promise<void>
  #closing = false

  /** @param end closes the descriptor where it is ours */
  constructor(fd: number, end: () => Promise<void> = async () => {}) {
    this.#fd = fd
    this.#end = end
  }

  async write(lines: Uint8Array): Promise<void> {
    for (let at = 0; at < lines.length; ) {
      const { written, error } = await writeOnce(this.#fd, lines.subarray(at))
      at += written
      if (error === null) continue
      if (error.code !== 'EAGAIN' || this.#closing) {
        throw new OutputClosedError(`the reader went away: ${error.message}`, { cause: error })
      }
      await setTimeout(RETRY_MS)
    }
  }

  async sync(): Promise<void> {}

  async close(): Promise<void> {
    this.#closing = true
    await this.#end()
  }
}

function writeOnce(fd: number, bytes: Uint8Array) {
  return new Promise<{ written: number; error: NodeJS.ErrnoException | null }>((resolve) => {
    write(fd, bytes, (error, written) => resolve({ written: error === null ? written : 0, error }))
  })
}
