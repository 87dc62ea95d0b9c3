import { cpSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { PersistentQueue, type PersistentQueueSettings } from '../../src/extensions/file_storage/persistent-queue.ts'
import type { QueueItem, SendingQueue } from '../../src/pipeline/sending-queue/queue.ts'
import { TemporaryFolder } from './temporary-folder.ts'

/** A queue in a directory, and what it told its observer. */
export interface StoredQueue {
  queue: PersistentQueue
  told: { stored: number; lost: number; corrupt: number; versions: number[]; failed: Error[]; writing: boolean[] }
}

/** @param settings of the queue; by default for 1,000 requests in 64 MiB */
export async function openStoredQueue(
  directory: string,
  settings: Partial<PersistentQueueSettings> = {},
): Promise<StoredQueue> {
  const told: StoredQueue['told'] = { stored: 0, lost: 0, corrupt: 0, versions: [], failed: [], writing: [] }
  const queue = new PersistentQueue({
    directory,
    maxBytes: 64 * 1024 * 1024,
    fsync: false,
    capacity: 1_000,
    sizer: 'requests',
    observer: {
      stored: (flows) => {
        told.stored += flows
      },
      lost: (flows) => {
        told.lost += flows
      },
      corrupt: () => {
        told.corrupt++
      },
      otherVersion: (_path, version) => told.versions.push(version),
      failed: (error) => told.failed.push(error),
      writing: (failure) => told.writing.push(failure === undefined),
    },
    ...settings,
  })
  await queue.open()
  return { queue, told }
}

/** A request that says its number, of at least 4 bytes. */
export function numberedItem(number: number, length = 100, flows = 1): QueueItem {
  const bytes = Buffer.alloc(Math.max(4, length), number % 251)
  bytes.writeUInt32LE(number)
  return { bytes, flows }
}

export function numberOf({ bytes }: QueueItem): number {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).readUInt32LE()
}

/** Takes what waits, up to `most`, and is done with it. */
export async function drain(queue: SendingQueue, most = Number.POSITIVE_INFINITY): Promise<number[]> {
  const numbers: number[] = []
  // What cannot be read is gone without anybody getting it.
  const empty = emptied(queue)
  while (queue.size > 0 && numbers.length < most) {
    const item = await Promise.race([queue.take(), empty])
    if (item === undefined) break
    numbers.push(numberOf(item))
    queue.done(item)
  }
  return numbers
}

async function emptied(queue: SendingQueue): Promise<undefined> {
  while (queue.size > 0) await queue.room()
  return undefined
}

/** Queues of a test, each in a directory of its own. */
export class StoredQueues {
  readonly #folder = new TemporaryFolder()
  readonly #open: StoredQueue[] = []
  #directories = 0

  newDirectory(): string {
    const directory = this.#folder.at(`queue-${this.#directories++}`)
    mkdirSync(directory)
    return directory
  }

  /** A queue that {@link close} closes. */
  async openAt(directory: string, settings: Partial<PersistentQueueSettings> = {}): Promise<StoredQueue> {
    const stored = await openStoredQueue(directory, settings)
    this.#open.push(stored)
    return stored
  }

  /** The files as they are now: what a process leaves that is killed now. */
  copyOf(directory: string): string {
    const copy = this.#folder.at(`queue-${this.#directories++}`)
    cpSync(directory, copy, { recursive: true })
    return copy
  }

  /** A directory with the items 0 to `count`, closed. */
  async filled(count: number, length = 100, settings: Partial<PersistentQueueSettings> = {}): Promise<string> {
    const directory = this.newDirectory()
    const { queue } = await openStoredQueue(directory, settings)
    for (let i = 0; i < count; i++) {
      while (!queue.offer(numberedItem(i, length, 10))) await queue.room()
    }
    const lost = await queue.close()
    if (lost > 0) throw new Error(`${lost} flows are lost`)
    return directory
  }

  async close(): Promise<void> {
    for (const { queue } of this.#open.splice(0)) await queue.close()
  }

  remove(): void {
    this.#folder.remove()
  }
}

/** Paths of the files of a queue, the oldest first. */
export function filesOf(directory: string, end = '.queue'): string[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith(end))
    .sort()
    .map((name) => join(directory, name))
}

/** Numbers from `from` to below `to`. */
export function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i)
}
