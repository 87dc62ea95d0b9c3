import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { CreateContext } from '../../pipeline/component.ts'
import { DirectoryLock } from '../../pipeline/disk/directory-lock.ts'
import { makeDirectory } from '../../pipeline/disk/make-directory.ts'
import { syncDirectory } from '../../pipeline/disk/sync-directory.ts'
import type { SendingQueue, Sizer } from '../../pipeline/sending-queue/queue.ts'
import type { QueueOwner, QueueStorage } from '../../pipeline/sending-queue/storage.ts'
import type { FileStorageConfig } from './config.ts'
import { folderName } from './folder-name.ts'
import { PersistentQueue } from './persistent-queue.ts'
import { queueGauge, queueObserver } from './queue-metrics.ts'

/** Requests hold what flows tell: for the owner alone. */
const FOLDER_MODE = 0o700

/** Between two attempts to get the folder. */
const LOCK_MS = 50

/** What another agent in the directory is told. */
const IN_USE = 'another agent, or another file_storage of this one, keeps its queues there'

/** A folder of queues, one in it for each exporter and signal. */
export class FileStorage implements QueueStorage {
  readonly #context: CreateContext
  readonly #config: FileStorageConfig
  /** By the names of their folders. */
  readonly #open = new Map<string, SendingQueue | undefined>()
  /** Folders that cannot be written to. */
  readonly #failing = new Set<string>()
  #lock: DirectoryLock | undefined

  constructor(context: CreateContext, config: FileStorageConfig) {
    this.#context = context
    this.#config = config
  }

  async start(): Promise<void> {
    const { directory } = this.#config
    try {
      await this.#demandDirectory()
      this.#lock = await this.#takeLock(Date.now() + this.#config.timeout)
    } catch (cause) {
      throw new Error(`directory: ${directory}: ${(cause as Error).message}`, { cause })
    }
  }

  async openQueue(owner: QueueOwner, capacity: number, sizer: Sizer): Promise<SendingQueue> {
    const name = folderName(owner)
    if (this.#lock === undefined) throw new Error(`extension ${JSON.stringify(this.#context.id)} does not run`)
    if (this.#open.has(name)) throw new Error(`the queue of ${owner.id} (${owner.signal}) is open already`)
    this.#open.set(name, undefined)
    const directory = join(this.#config.directory, name)
    let endGauge = () => {}
    const queue = new PersistentQueue({
      directory,
      maxBytes: this.#config.max_bytes,
      fsync: this.#config.fsync,
      observer: queueObserver(this.#context, owner, (failure) => this.#writing(name, owner, failure)),
      capacity,
      sizer,
      closed: () => {
        endGauge()
        this.#failing.delete(name)
        this.#open.delete(name)
      },
    })
    try {
      await makeDirectory(directory, FOLDER_MODE)
      if (this.#config.fsync) await syncDirectory(this.#config.directory)
      await queue.open()
    } catch (cause) {
      this.#open.delete(name)
      throw new Error(`extension ${JSON.stringify(this.#context.id)}: ${(cause as Error).message}`, { cause })
    }
    endGauge = queueGauge(this.#context, owner, queue)
    this.#open.set(name, queue)
    return queue
  }

  async shutdown(_deadlineMs: number): Promise<void> {
    // Exporters have closed theirs; this is for those that did not come to it.
    for (const queue of [...this.#open.values()]) await queue?.close()
    await this.#lock?.release()
    this.#lock = undefined
  }

  async #demandDirectory(): Promise<void> {
    const { directory, create_directory, directory_permissions } = this.#config
    if (create_directory) await makeDirectory(directory, directory_permissions)
    const found = await stat(directory).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error
      throw new Error('there is no such folder: make it, or set create_directory: true', { cause: error })
    })
    if (!found.isDirectory()) throw new Error('is no folder')
  }

  async #takeLock(untilMs: number): Promise<DirectoryLock> {
    for (;;) {
      try {
        return await DirectoryLock.take(this.#config.directory, IN_USE)
      } catch (error) {
        if (Date.now() >= untilMs) throw error
        await setTimeout(LOCK_MS)
      }
    }
  }

  #writing(name: string, owner: QueueOwner, failure: Error | undefined): void {
    const { log, report } = this.#context
    if (failure === undefined) {
      this.#failing.delete(name)
      log.info(`the queue of ${owner.id} can be written to again`)
      if (this.#failing.size === 0) report({ at: 'ok' })
      return
    }
    this.#failing.add(name)
    const error = new Error(`cannot write the queue of ${owner.id}: ${failure.message}`, { cause: failure })
    log.error(`${error.message}; what does not fit is refused until there is space`)
    report({ at: 'recoverable_error', error })
  }
}
