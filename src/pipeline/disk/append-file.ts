import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'

/** A file that grows at its end and whose end is always that of something whole. For one writer at a time. */
export class AppendFile {
  readonly path: string
  readonly #file: FileHandle
  #bytes: number

  private constructor(path: string, file: FileHandle, bytes: number) {
    this.path = path
    this.#file = file
    this.#bytes = bytes
  }

  /** Opens the file, or makes it, for its owner alone. @throws Error of the file system, with its code */
  static async open(path: string): Promise<AppendFile> {
    const file = await open(path, constants.O_RDWR | constants.O_CREAT, 0o600)
    try {
      return new AppendFile(path, file, (await file.stat()).size)
    } catch (error) {
      await file.close()
      throw error
    }
  }

  /** Bytes of the file. */
  get bytes(): number {
    return this.#bytes
  }

  /**
   * Writes chunks at the end.
   * @param sync waits until the disk has them
   * @throws Error of the file system, with its code; nothing of the chunks is left then
   */
  async append(chunks: readonly Uint8Array[], sync = false): Promise<void> {
    const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
    try {
      const { bytesWritten } = await this.#file.writev(chunks, this.#bytes)
      // The kernel takes a part of what does not fit.
      if (bytesWritten < bytes)
        throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
      if (sync) await this.#file.datasync()
      this.#bytes += bytes
    } catch (error) {
      // Where it cannot be cut off, readers skip it.
      await this.#file.truncate(this.#bytes).catch(() => {})
      this.#bytes = (await this.#file.stat().catch(() => undefined))?.size ?? this.#bytes
      throw error
    }
  }

  /** Writes over bytes that are there. @throws Error of the file system */
  async overwrite(bytes: Uint8Array, at: number): Promise<void> {
    await this.#file.write(bytes, 0, bytes.length, at)
  }

  /** Reads up to the length of `into`. @returns bytes read; fewer at the end of the file */
  async read(into: Uint8Array, at: number): Promise<number> {
    return (await this.#file.read(into, 0, into.length, at)).bytesRead
  }

  async truncate(bytes: number): Promise<void> {
    await this.#file.truncate(bytes)
    this.#bytes = bytes
  }

  /** @param sync waits until the disk has everything */
  async close(sync: boolean): Promise<void> {
    try {
      if (sync) await this.#file.datasync()
    } finally {
      await this.#file.close()
    }
  }
}
