import { open } from 'node:fs/promises'

/** The text of a file that somebody else writes. @throws Error when it cannot be read, or is larger than `maxBytes` */
export async function readLimited(path: string, maxBytes: number): Promise<string> {
  const file = await open(path, 'r')
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(maxBytes + 1), 0, maxBytes + 1, 0)
    if (bytesRead > maxBytes) throw new Error(`${path} is larger than ${maxBytes} bytes`)
    return buffer.toString('utf8', 0, bytesRead)
  } finally {
    await file.close()
  }
}
