import type { Component } from '../component.ts'
import type { SendingQueue, Sizer } from './queue.ts'

/** What a queue in a storage extension is for. */
export interface QueueOwner {
  /** Component id of the exporter. */
  id: string
  /** `flows` or `metrics`: each has a queue of its own. */
  signal: string
}

/** An extension that keeps queues over restarts, such as `file_storage`. */
export interface QueueStorage extends Component {
  /**
   * Opens the owner's queue, with everything that was accepted and not done with before.
   * @param capacity in units of the sizer
   * @throws Error that says why the queue cannot be had; one owner can open it once at a time
   */
  openQueue(owner: QueueOwner, capacity: number, sizer: Sizer): Promise<SendingQueue>
}

/** The storage that `sending_queue::storage` names. @throws Error when there is none of that name */
export function queueStorage(extension: Component | undefined, id: string): QueueStorage {
  if (extension === undefined) {
    throw new Error(
      `sending_queue::storage: extension ${JSON.stringify(id)} does not run: add it to service::extensions`,
    )
  }
  if (!('openQueue' in extension)) {
    throw new Error(`sending_queue::storage: extension ${JSON.stringify(id)} keeps no queues: name a file_storage`)
  }
  return extension as QueueStorage
}
