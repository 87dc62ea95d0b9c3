import { writeDescriptor } from '../../pipeline/write-descriptor.ts'
import { type Output, OutputClosedError } from './output.ts'

/** Lines to a descriptor that has no end to be cut off at: standard output, a pipe, a terminal. */
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
    try {
      await writeDescriptor(this.#fd, lines, () => this.#closing)
    } catch (cause) {
      throw new OutputClosedError(`the reader went away: ${(cause as Error).message}`, { cause })
    }
  }

  async sync(): Promise<void> {}

  async close(): Promise<void> {
    this.#closing = true
    await this.#end()
  }
}
