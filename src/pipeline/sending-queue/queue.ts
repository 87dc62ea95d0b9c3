/** Encoded requests between an exporter's pipeline and its consumers, in memory or on disk behind one interface. */

/** One encoded request. The queue becomes the owner of its bytes: nobody may write or move them. */
export interface QueueItem {
  readonly bytes: Uint8Array
  /** Flows, or data points, that the request holds. */
  readonly flows: number
}

/** What `queue_size` counts: requests, their flows, or their bytes. */
export type Sizer = 'requests' | 'items' | 'bytes'

/** Amounts of an item under each sizer. */
export interface QueueAmount {
  requests: number
  items: number
  bytes: number
}

/** First in, first out, bounded. Items in flight (taken and not done with) count until they are done with. */
export interface SendingQueue {
  /** Waiting and in flight, in units of the sizer. */
  readonly size: number
  /** Most of `size`. */
  readonly capacity: number
  /** Memory of the items' bytes that wait. */
  readonly memoryBytes: number
  /** False = nothing of the item was kept: no room, no space on the disk, or the queue is stopped. The caller counts it. */
  offer(item: QueueItem): boolean
  /** Resolves once there may be room again, or the queue is stopped; ask `offer` again then. */
  room(): Promise<void>
  /** The oldest item that nobody has taken, when there is one; undefined = there will be none any more. For any number of consumers. */
  take(): Promise<QueueItem | undefined>
  /** The fate of an item that `take` gave is known: delivered, or given up for good. Without it a persistent item comes again after a restart. */
  done(item: QueueItem): void
  /**
   * From now on nothing is offered. What waits in memory can still be taken; what waits on disk stays there, and `take`
   * ends at once.
   */
  stop(): void
  /** Stops, and lets everything go. @returns flows that are lost: those not done with, except what stays on disk */
  close(): Promise<number>
}

export function amountOf({ bytes, flows }: QueueItem): QueueAmount {
  return { requests: 1, items: flows, bytes: bytes.length }
}
