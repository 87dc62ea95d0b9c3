import { PersistentQueue, type PersistentQueueSettings } from '../../src/extensions/file_storage/persistent-queue.ts'
import type { QueueItem, SendingQueue } from '../../src/pipeline/sending-queue/queue.ts'

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
