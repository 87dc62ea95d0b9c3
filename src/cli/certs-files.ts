import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { open, readFile, rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { makeDirectory } from '../pipeline/disk/make-directory.ts'
import type { Pair } from './certs-issue.ts'

/** Files of a certificate and its key in a folder. */
export function pairFiles(folder: string, name: string): { certificate: string; key: string } {
  return { certificate: join(folder, `${name}.crt`), key: join(folder, `${name}.key`) }
}

/** @throws Error that names the files that are there already */
export function demandFree(files: readonly string[]): void {
  const there = files.filter((file) => existsSync(file))
  if (there.length === 0) return
  throw new Error(`${there.join(', ')} ${there.length === 1 ? 'is' : 'are'} there already: --force replaces them`)
}

/** Reads what {@link writePair} wrote. @throws Error that names the file */
export async function readPair(folder: string, name: string): Promise<Pair> {
  const files = pairFiles(folder, name)
  return { certificate: await readFile(files.certificate, 'utf8'), key: await readFile(files.key, 'utf8') }
}

/** Writes both, the key for its owner alone. @returns the files */
export async function writePair(folder: string, name: string, pair: Pair): Promise<string[]> {
  const { key } = pairFiles(folder, name)
  await writeWhole(key, pair.key, 0o600)
  return [await writeCertificate(folder, name, pair), key]
}

/** @returns the file */
export async function writeCertificate(folder: string, name: string, pair: Pair): Promise<string> {
  const { certificate } = pairFiles(folder, name)
  await writeWhole(certificate, pair.certificate, 0o644)
  return certificate
}

/** A running agent may read the file at any time: it finds the old content or the new, and never a part. */
async function writeWhole(file: string, content: string, mode: number): Promise<void> {
  await makeDirectory(dirname(file))
  const partial = `${file}.${randomUUID()}`
  const handle = await open(partial, 'wx', mode)
  try {
    await handle.writeFile(content)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(partial, file)
}
