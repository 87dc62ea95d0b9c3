import { constants } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import type { Output } from './output.ts'
import { type FileEvents, type FileSettings, RotatingFile } from './rotating-file.ts'
import { StreamOutput } from './stream-output.ts'

/** What a path says that means the standard output, as in Hubble. */
export const STDOUT = 'stdout'

/** Opens what a path names: standard output, a pipe or device, else a file that is rotated. @throws Error that names the path */
export async function openOutput(settings: FileSettings, events: FileEvents): Promise<Output> {
  const { path } = settings
  if (path === STDOUT) return new StreamOutput(process.stdout.fd)
  const known = await stat(path).catch(() => undefined) // what is not there yet becomes a file
  if (known === undefined || known.isFile()) return RotatingFile.open(settings, events)
  if (known.isDirectory()) throw new Error(`${path} is a folder: name a file in it`)
  try {
    // Without waiting for somebody who reads a pipe.
    const file = await open(path, constants.O_RDWR | constants.O_NONBLOCK)
    return new StreamOutput(file.fd, () => file.close())
  } catch (cause) {
    throw new Error(`${path}: ${(cause as Error).message}`, { cause })
  }
}
