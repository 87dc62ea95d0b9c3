import { write } from 'node:fs'
import { setTimeout } from 'node:timers/promises'

/** A pipe that is full and does not block tells EAGAIN: it is asked again after this. */
const RETRY_MS = 20

/**
 * Writes to a file descriptor in the thread pool, waiting for a slow reader: streams of Node write to terminals and pipes
 * synchronously, and hold up the event loop.
 * @param closing true = a full pipe is not waited for any more
 * @throws the error of the system, EPIPE when the reader is gone; part of the bytes may be written then
 */
export async function writeDescriptor(fd: number, bytes: Uint8Array, closing: () => boolean): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { written, error } = await writeOnce(fd, bytes.subarray(at))
    at += written
    if (error === null) continue
    if (error.code !== 'EAGAIN' || closing()) throw error
    await setTimeout(RETRY_MS)
  }
}

function writeOnce(fd: number, bytes: Uint8Array) {
  return new Promise<{ written: number; error: NodeJS.ErrnoException | null }>((resolve) => {
    write(fd, bytes, (error, written) => resolve({ written: error === null ? written : 0, error }))
  })
}
