import { constants, type Stats } from 'node:fs'
import { type FileHandle, open, rename, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Logger } from 'pino'
import { before } from '../../pipeline/deadline.ts'
import { makeDirectory } from '../../pipeline/disk/make-directory.ts'
import { syncDirectory } from '../../pipeline/disk/sync-directory.ts'
import { type BackupSettings, Backups } from './backups.ts'
import { endOfLines } from './line-end.ts'
import type { Output } from './output.ts'

export interface FileSettings extends BackupSettings {
  path: string
  /** A file that would become larger is rotated. */
  maxBytes: number
  /** Permission bits of new files. */
  mode: number
  createDirectory: boolean
}

/** What the file tells its owner. */
export interface FileEvents {
  log: Logger
  rotated(): void
  /** Old files could not be removed or compressed. */
  tidyFailed(): void
}

/** Appends: what another program does to the file's size (`copytruncate`) is then no harm. Read for the repair at the start. */
const FLAGS = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT

/** Paths that are written to now, in the whole process: two writers would rotate each other's files. */
const inUse = new Set<string>()

/** A file of lines that is rotated by size. Whatever happens it holds whole lines alone, but for a process killed within a write, whose rest is cut off at the next start. */
export class RotatingFile implements Output {
  readonly #settings: FileSettings
  readonly #events: FileEvents
  readonly #backups: Backups
  readonly #abort = new AbortController()
  #file: FileHandle
  #size: number
  /** Bytes at the end that a failed write left and that could not be cut off yet. */
  #torn = 0
  #tidying: Promise<void> | undefined
  #closed = false

  private constructor(settings: FileSettings, events: FileEvents, file: FileHandle, size: number) {
    this.#settings = settings
    this.#events = events
    this.#file = file
    this.#size = size
    this.#backups = new Backups(settings.path, settings)
    this.#tidy()
  }

  /** Opens or makes the file, and cuts off what is no whole line. @throws Error that names the path */
  static async open(settings: FileSettings, events: FileEvents): Promise<RotatingFile> {
    const { path } = settings
    if (inUse.has(path)) throw new Error(`${path} is already written by this process: name another path`)
    inUse.add(path)
    try {
      if (settings.createDirectory) await makeDirectory(dirname(path), 0o755)
      const file = await open(path, FLAGS, settings.mode)
      try {
        return new RotatingFile(settings, events, file, await repaired(file, events.log))
      } catch (error) {
        await file.close()
        throw error
      }
    } catch (cause) {
      inUse.delete(path)
      throw new Error(`${path}: ${(cause as Error).message}`, { cause })
    }
  }

  async write(lines: Uint8Array): Promise<void> {
    await this.#takeBack()
    if (this.#size > 0 && this.#size + lines.length > this.#settings.maxBytes) await this.#rotate()
    try {
      while (this.#torn < lines.length) {
        const { bytesWritten } = await this.#file.write(lines, this.#torn, lines.length - this.#torn, null)
        this.#torn += bytesWritten
      }
    } catch (error) {
      await this.#takeBack()
      throw error
    }
    this.#torn = 0
    this.#size += lines.length
  }

  async sync(): Promise<void> {
    await this.#file.datasync()
    await this.#followPath()
  }

  async close(deadlineMs: number): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await before(deadlineMs, this.#tidying ?? Promise.resolve())
    this.#abort.abort()
    await this.#tidying
    try {
      await this.#file.sync()
    } finally {
      await this.#file.close()
      inUse.delete(this.#settings.path)
    }
  }

  /** Cuts off the part of a failed write that found room. Cutting needs no room on the disk. */
  async #takeBack(): Promise<void> {
    if (this.#torn === 0) return
    const { size } = await this.#file.stat()
    await this.#file.truncate(Math.max(0, size - this.#torn))
    this.#torn = 0
  }

  /** The file gets the name of a backup, and a new one its own. When that fails everything is as it was. */
  async #rotate(): Promise<void> {
    const { path, mode } = this.#settings
    if (await this.#followPath()) return
    const backup = await this.#backups.newPath()
    await rename(path, backup)
    const next = await open(path, FLAGS | constants.O_EXCL, mode).catch(async (error: unknown) => {
      await rename(backup, path)
      throw error
    })
    await this.#replace(next, 0)
    await syncDirectory(dirname(path))
    this.#events.rotated()
    this.#tidy()
  }

  async #replace(next: FileHandle, size: number): Promise<void> {
    const old = this.#file
    this.#file = next
    this.#size = size
    try {
      await old.sync()
    } finally {
      await old.close()
    }
  }

  /** Goes on in a new file where another program has moved or removed the one that is open. Returns whether that was so. */
  async #followPath(): Promise<boolean> {
    const { path, mode } = this.#settings
    const [mine, named] = [await this.#file.stat(), await statOrNothing(path)]
    if (named !== undefined && named.ino === mine.ino && named.dev === mine.dev) {
      this.#size = mine.size
      return false
    }
    this.#events.log.warn({ path }, 'The file was moved or removed; going on in a new one')
    const next = await open(path, FLAGS, mode)
    await this.#replace(next, await repaired(next, this.#events.log))
    return true
  }

  /** Looks after the backups in the background, one run at a time. */
  #tidy(): void {
    const previous = this.#tidying ?? Promise.resolve()
    const run = previous
      .then(() => this.#backups.tidy(this.#abort.signal))
      .catch((error: unknown) => {
        this.#events.tidyFailed()
        this.#events.log.warn({ err: error, path: this.#settings.path }, 'Old files were not removed or compressed')
      })
      .then(() => {
        if (this.#tidying === run) this.#tidying = undefined
      })
    this.#tidying = run
  }
}

/** Cuts off what is no whole line. Returns the size. */
async function repaired(file: FileHandle, log: Logger): Promise<number> {
  const { size } = await file.stat()
  const end = await endOfLines(file, size)
  if (end < size) {
    await file.truncate(end)
    log.warn({ bytes: size - end }, 'Cut off the end of a line that was never finished')
  }
  return end
}

async function statOrNothing(path: string): Promise<Stats | undefined> {
  return stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
}
