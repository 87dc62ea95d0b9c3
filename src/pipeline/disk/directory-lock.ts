import { createHash } from 'node:crypto'
import { type FileHandle, open, realpath } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { removeStaleSocket } from './stale-socket.ts'

/**
 * Keeps a second agent out of a directory: a socket in it (on Windows a named pipe) that a process listens on. It ends
 * with the process however that ends, and holds across containers that share the directory, where numbers of processes
 * do not.
 */
export class DirectoryLock {
  readonly #directory: FileHandle | undefined
  readonly #server: Server

  private constructor(server: Server, directory?: FileHandle) {
    this.#server = server
    this.#directory = directory
  }

  /**
   * @param refusal what to say when another process, or another component of this one, has it
   * @throws Error
   */
  static async take(directory: string, refusal: string): Promise<DirectoryLock> {
    if (process.platform === 'win32') {
      const name = createHash('sha256')
        .update(await realpath(directory))
        .digest('hex')
      return new DirectoryLock(await listen(`\\\\.\\pipe\\fovea-${name}`))
    }
    const handle = await open(directory, 'r')
    try {
      // By the descriptor: the path of a socket has at most 107 bytes.
      const path = `${process.platform === 'linux' ? `/proc/self/fd/${handle.fd}` : directory}/lock`
      await removeStaleSocket(path)
      return new DirectoryLock(await listen(path), handle)
    } catch (cause) {
      await handle.close()
      const { code } = cause as NodeJS.ErrnoException
      // What the file system says, such as EACCES, says more.
      if (code !== undefined && code !== 'EADDRINUSE') throw cause
      throw new Error(refusal, { cause })
    }
  }

  async release(): Promise<void> {
    await new Promise((resolve) => this.#server.close(resolve))
    await this.#directory?.close()
  }
}

function listen(path: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy())
    server.unref()
    server.once('error', reject)
    server.listen(path, () => resolve(server))
  })
}
