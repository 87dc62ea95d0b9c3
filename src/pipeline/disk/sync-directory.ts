import { open } from 'node:fs/promises'

/** Waits until the disk has the names of what is in a directory; Windows knows no such thing. @throws Error of the file system */
export async function syncDirectory(path: string): Promise<void> {
  if (process.platform === 'win32') return
  const directory = await open(path, 'r')
  await directory.sync().finally(() => directory.close())
}
