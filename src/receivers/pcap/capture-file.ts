import { type FileHandle, open } from 'node:fs/promises'

/** Bytes held of a capture at a time; also the longest packet that is read. */
const CHUNK_BYTES = 1 << 20

/** Reads a file in pieces into one buffer, which may be moved away between the calls. */
export class CaptureFile {
  readonly path: string
  #handle: FileHandle | undefined
  #chunk = new ArrayBuffer(CHUNK_BYTES)
  /** `[#from, #to)` of the chunk is unread. */
  #from = 0
  #to = 0
  /** Offset in the file of the chunk's first byte. */
  #offset = 0

  constructor(path: string) {
    this.path = path
  }

  /** @throws Error that names the file when it cannot be opened */
  async open(): Promise<void> {
    try {
      this.#handle = await open(this.path)
    } catch (cause) {
      const code = (cause as NodeJS.ErrnoException).code ?? String(cause)
      throw new Error(`setting "file": cannot open ${this.path} (${code})`, { cause })
    }
  }

  /** Begins again at the file's first byte. */
  rewind(): void {
    this.#from = 0
    this.#to = 0
    this.#offset = 0
  }

  get chunk(): ArrayBuffer {
    return this.#chunk
  }

  get from(): number {
    return this.#from
  }

  get to(): number {
    return this.#to
  }

  /** Offset in the file of the byte at `at` of the chunk. */
  offsetOf(at: number): number {
    return this.#offset + at
  }

  /** Takes the chunk back, read up to `at`. */
  giveBack(chunk: ArrayBuffer, at: number): void {
    this.#chunk = chunk
    this.#from = at
  }

  /** The chunk was lost on its way: reads what it held once more. */
  reread(): void {
    this.#offset += this.#from
    this.#from = 0
    this.#to = 0
    this.#chunk = new ArrayBuffer(CHUNK_BYTES)
  }

  /** Moves what is unread to the front and reads on behind it. Returns false when nothing was left to read. */
  async read(): Promise<boolean> {
    const bytes = new Uint8Array(this.#chunk)
    bytes.copyWithin(0, this.#from, this.#to)
    this.#offset += this.#from
    this.#to -= this.#from
    this.#from = 0
    const room = bytes.length - this.#to
    const result = await this.#handle?.read(bytes, this.#to, room, this.#offset + this.#to)
    this.#to += result?.bytesRead ?? 0
    return (result?.bytesRead ?? 0) > 0
  }

  async close(): Promise<void> {
    await this.#handle?.close()
    this.#handle = undefined
  }
}
