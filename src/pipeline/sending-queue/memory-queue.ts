import { Fifo } from './fifo.ts'
import { amountOf, type QueueItem, type SendingQueue, type Sizer } from './queue.ts'
import { Waiters } from './waiters.ts'

/** Waits in memory alone: what is not sent when the process ends is lost. */
export class MemoryQueue implements SendingQueue {
  readonly capacity: number
  readonly #sizer: Sizer
  readonly #waiting = new Fifo<QueueItem>(({ bytes }) => bytes.length)
  readonly #inFlight = new Set<QueueItem>()
  readonly #consumers = new Waiters<QueueItem | undefined>()
  readonly #producers = new Waiters<void>()
  #size = 0
  #stopped = false

  /** @param capacity in units of the sizer */
  constructor(capacity: number, sizer: Sizer) {
    this.capacity = capacity
    this.#sizer = sizer
  }

  get size(): number {
    return this.#size
  }

  get memoryBytes(): number {
    return this.#waiting.bytes
  }

  offer(item: QueueItem): boolean {
    const amount = amountOf(item)[this.#sizer]
    if (this.#stopped || this.#size + amount > this.capacity) return false
    this.#size += amount
    if (this.#consumers.size > 0) {
      this.#inFlight.add(item)
      this.#consumers.wakeOne(item)
    } else this.#waiting.push(item)
    return true
  }

  room(): Promise<void> {
    return this.#stopped ? Promise.resolve() : this.#producers.wait()
  }

  async take(): Promise<QueueItem | undefined> {
    const item = this.#waiting.shift()
    if (item === undefined) return this.#stopped ? undefined : this.#consumers.wait()
    this.#inFlight.add(item)
    return item
  }

  done(item: QueueItem): void {
    if (!this.#inFlight.delete(item)) return
    this.#size -= amountOf(item)[this.#sizer]
    this.#producers.wakeAll()
  }

  stop(): void {
    this.#stopped = true
    this.#consumers.wakeAll(undefined)
    this.#producers.wakeAll()
  }

  async close(): Promise<number> {
    this.stop()
    const lost = [...this.#inFlight, ...this.#waiting.clear()].reduce((sum, { flows }) => sum + flows, 0)
    this.#inFlight.clear()
    this.#size = 0
    return lost
  }
}
