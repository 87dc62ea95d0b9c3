import { createReadStream, createWriteStream } from 'node:fs'
import { access, readdir, rename, unlink } from 'node:fs/promises'
import { basename, dirname, extname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { syncDirectory } from '../../pipeline/disk/sync-directory.ts'

/** What becomes of files that were rotated away. */
export interface BackupSettings {
  /** The newest so many stay. */
  maxBackups: number
  /** Older ones go; 0 = none for its age. */
  maxDays: number
  compress: boolean
}

/** A rotated file; the same one may be there plain and compressed when a process was killed between the two. */
interface Backup {
  name: string
  timeMs: number
  compressed: boolean
}

const DAY_MS = 86_400_000
const STAMP = /^-(\d{4}-\d\d-\d\d)T(\d\d)-(\d\d)-(\d\d\.\d{3})$/
const COMPRESSED = '.gz'
/** A file that is being compressed: it gets its name only when it is complete. */
const PARTIAL = '.gz.part'

/** The rotated files of one path, named as lumberjack names them: `flows-2026-11-22T18-13-39.123.log`, in UTC. */
export class Backups {
  readonly #folder: string
  readonly #stem: string
  readonly #extension: string
  readonly #settings: BackupSettings
  readonly #now: () => number

  constructor(path: string, settings: BackupSettings, now: () => number = Date.now) {
    this.#folder = dirname(path)
    this.#extension = extname(path)
    this.#stem = basename(path, this.#extension)
    this.#settings = settings
    this.#now = now
  }

  /** A path for the file that is rotated now; a millisecond later where there is one already. */
  async newPath(): Promise<string> {
    for (let timeMs = this.#now(); ; timeMs++) {
      const path = join(this.#folder, this.#name(timeMs))
      if (!(await exists(path)) && !(await exists(path + COMPRESSED))) return path
    }
  }

  /**
   * Removes what is too old or too many, and what a killed process left half done; compresses what is left plain.
   * @throws Error of the first file that could not be; the others were tried
   */
  async tidy(signal: AbortSignal): Promise<void> {
    const failures: unknown[] = []
    const attempt = (work: Promise<void>) => work.catch((error: unknown) => void failures.push(error))
    const entries = await readdir(this.#folder)
    for (const name of entries) if (this.#isPartial(name)) await attempt(unlink(join(this.#folder, name)))
    const { kept, superfluous } = this.#sorted(entries)
    for (const { name } of superfluous) await attempt(unlink(join(this.#folder, name)))
    for (const { name, compressed } of kept) {
      if (compressed || !this.#settings.compress || signal.aborted) continue
      await attempt(compressFile(join(this.#folder, name), signal))
    }
    if (failures.length > 0 && !signal.aborted) throw failures[0]
  }

  #sorted(entries: readonly string[]): { kept: Backup[]; superfluous: Backup[] } {
    const backups = entries.flatMap((name) => this.#parse(name) ?? [])
    const complete = new Set(backups.filter(({ compressed }) => compressed).map(({ timeMs }) => timeMs))
    const oldestMs = this.#settings.maxDays === 0 ? 0 : this.#now() - this.#settings.maxDays * DAY_MS
    const superfluous = backups.filter(({ compressed, timeMs }) => !compressed && complete.has(timeMs))
    const distinct = backups.filter((backup) => !superfluous.includes(backup)).sort((a, b) => b.timeMs - a.timeMs)
    distinct.forEach((backup, i) => {
      if (i >= this.#settings.maxBackups || backup.timeMs < oldestMs) superfluous.push(backup)
    })
    return { kept: distinct.filter((backup) => !superfluous.includes(backup)).reverse(), superfluous }
  }

  #name(timeMs: number): string {
    const stamp = new Date(timeMs).toISOString().slice(0, 23).replaceAll(':', '-')
    return `${this.#stem}-${stamp}${this.#extension}`
  }

  #isPartial(name: string): boolean {
    return name.endsWith(PARTIAL) && this.#parse(name.slice(0, -PARTIAL.length)) !== undefined
  }

  #parse(name: string): Backup | undefined {
    const compressed = name.endsWith(COMPRESSED)
    const plain = compressed ? name.slice(0, -COMPRESSED.length) : name
    if (!plain.startsWith(this.#stem) || !plain.endsWith(this.#extension)) return undefined
    const stamp = STAMP.exec(plain.slice(this.#stem.length, plain.length - this.#extension.length))
    if (stamp === null) return undefined
    const timeMs = Date.parse(`${stamp[1]}T${stamp[2]}:${stamp[3]}:${stamp[4]}Z`)
    return Number.isNaN(timeMs) ? undefined : { name, timeMs, compressed }
  }
}

/** Compresses a file in the thread pool, block by block. The compressed one appears when it is whole and on disk, and then the plain one goes. */
async function compressFile(path: string, signal: AbortSignal): Promise<void> {
  const partial = path + PARTIAL
  try {
    await pipeline(createReadStream(path), createGzip(), createWriteStream(partial, { mode: 0o600, flush: true }), {
      signal,
    })
    await rename(partial, path + COMPRESSED)
    await syncDirectory(dirname(path))
    await unlink(path)
  } catch (error) {
    await unlink(partial).catch(() => {}) // it may not be there
    throw error
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
