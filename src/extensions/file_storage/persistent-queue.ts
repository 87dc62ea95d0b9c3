import { setTimeout } from 'node:timers/promises'
import { Fifo } from '../../pipeline/sending-queue/fifo.ts'
import {
  amountOf,
  type QueueAmount,
  type QueueItem,
  type SendingQueue,
  type Sizer,
} from '../../pipeline/sending-queue/queue.ts'
import { Waiters } from '../../pipeline/sending-queue/waiters.ts'
import { type LogObserver, type Position, QueueLog, type Read, type Written } from './queue-log.ts'

/** Most memory of requests that wait for the disk. */
const MOST_STAGED_BYTES = 16 * 1024 * 1024

/** Requests written at once, and their bytes. */
const GROUP_REQUESTS = 128
const GROUP_BYTES = 1024 * 1024

/** Most memory of requests that are written and need not be read again while consumers keep up. */
const MOST_RECENT_BYTES = 4 * 1024 * 1024

/** Between two attempts after the disk refused. */
const RETRY_MS = 1_000

/** Told what happens to stored requests. */
export interface QueueObserver extends Omit<LogObserver, 'lost'> {
  /** Flows that are accepted: the disk has them. */
  stored(flows: number): void
  /** Flows that were accepted and cannot be read any more. */
  lost(flows: number): void
  /** The disk refuses, or takes again. */
  writing(failure: Error | undefined): void
}

export interface PersistentQueueSettings {
  directory: string
  maxBytes: number
  fsync: boolean
  observer: QueueObserver
  capacity: number
  sizer: Sizer
  /** Called when nothing of the directory is used any more. */
  closed?(): void
}

/**
 * A queue whose requests are on disk before they count as accepted. `offer` hands a request over to be written, in order,
 * off the main thread; a few milliseconds later consumers can take it, from memory while they keep up, else from the disk.
 */
export class PersistentQueue implements SendingQueue {
  readonly capacity: number
  readonly #sizer: Sizer
  readonly #observer: QueueObserver
  readonly #closed: () => void
  readonly #log: QueueLog
  /** To be written. */
  readonly #staged = new Fifo<QueueItem>(({ bytes }) => bytes.length)
  /** What the log's reader would come to next. */
  readonly #recent = new Fifo<Read>(({ item }) => item.bytes.length)
  /** Whether that is all there is in the log. */
  #recentIsAll = false
  #readingLog = false
  /** Where taken items stand; undefined for those taken before they could be written. */
  readonly #inFlight = new Map<QueueItem, Position | undefined>()
  /** To be written. */
  #marks: Position[] = []
  readonly #consumers = new Waiters<void>()
  readonly #producers = new Waiters<void>()
  #size = 0
  #reading: Promise<unknown> = Promise.resolve()
  #working: Promise<void> | undefined
  /** The first ones of `#staged` are being written. */
  #appending = false
  /** The disk refused, and is left alone for a while. */
  #failing = false
  /** Told so to the observer. */
  #writingFailed = false
  #retry: NodeJS.Timeout | undefined
  #stopped = false
  #closing: Promise<number> | undefined

  constructor({ capacity, sizer, observer, closed = () => {}, ...settings }: PersistentQueueSettings) {
    this.#closed = closed
    this.capacity = capacity
    this.#sizer = sizer
    this.#observer = observer
    this.#log = new QueueLog({ ...settings, observer: { ...observer, lost: (amount) => this.#lost(amount) } })
  }

  /** Finds what was accepted before. @throws Error of the file system */
  async open(): Promise<void> {
    this.#size = (await this.#log.open())[this.#sizer]
  }

  get size(): number {
    return this.#size
  }

  get memoryBytes(): number {
    return this.#staged.bytes + this.#recent.bytes
  }

  /** Bytes of its files. */
  get diskBytes(): number {
    return this.#log.bytes
  }

  offer(item: QueueItem): boolean {
    const amount = amountOf(item)[this.#sizer]
    if (this.#stopped || this.#size + amount > this.capacity || !this.#isRoomFor(item.bytes.length)) return false
    this.#size += amount
    this.#staged.push(item)
    if (this.#failing) this.#consumers.wakeAll()
    else this.#work()
    return true
  }

  room(): Promise<void> {
    return this.#stopped ? Promise.resolve() : this.#producers.wait()
  }

  async take(): Promise<QueueItem | undefined> {
    while (!this.#stopped) {
      if (!this.#hasMore) await this.#consumers.wait()
      else {
        const read = this.#reading.then(() => this.#next())
        this.#reading = read
        const item = await read
        if (item !== undefined) return item
      }
    }
    return undefined
  }

  done(item: QueueItem): void {
    if (!this.#inFlight.has(item)) return
    const position = this.#inFlight.get(item)
    this.#inFlight.delete(item)
    this.#size -= amountOf(item)[this.#sizer]
    if (position !== undefined) {
      this.#log.settle(position)
      this.#marks.push(position)
      this.#work()
    }
    this.#producers.wakeAll()
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#retry)
    this.#consumers.wakeAll()
    this.#producers.wakeAll()
  }

  /** Resolves when all that was offered, and what is done with, is written down, or the disk refuses. */
  async flush(): Promise<void> {
    while (this.#working !== undefined) await this.#working
  }

  close(): Promise<number> {
    this.#closing ??= this.#close().finally(this.#closed)
    return this.#closing
  }

  async #close(): Promise<number> {
    this.stop()
    await this.#reading
    // One last attempt, also where the disk refused.
    this.#failing = false
    this.#work()
    await this.flush()
    let lost = this.#staged.clear().reduce((sum, { flows }) => sum + flows, 0)
    for (const [{ flows }, position] of this.#inFlight) if (position === undefined) lost += flows
    await this.#log.close()
    return lost
  }

  /** While the disk refuses, one request at a time finds out whether it still does. */
  #isRoomFor(bytes: number): boolean {
    if (this.#staged.size > 0 && (this.#failing || this.#staged.bytes + bytes > MOST_STAGED_BYTES)) return false
    return this.#log.fits(bytes, this.#staged.bytes)
  }

  /** Whether `#next` may give something. */
  get #hasMore(): boolean {
    return this.#recent.size > 0 || !this.#log.atEnd || this.#unwritten
  }

  /** Whether requests that cannot be written may be taken: the backend is better than nothing. */
  get #unwritten(): boolean {
    return this.#failing && !this.#appending && this.#staged.size > 0
  }

  /** Never rejects. */
  async #next(): Promise<QueueItem | undefined> {
    if (this.#stopped) return undefined
    const read = this.#recent.size > 0 ? this.#nextRecent() : await this.#nextStored()
    if (read !== undefined) {
      this.#inFlight.set(read.item, read.position)
      return read.item
    }
    if (!this.#unwritten) return undefined
    const item = this.#staged.shift()
    if (item === undefined) return undefined
    this.#inFlight.set(item, undefined)
    return item
  }

  #nextRecent(): Read | undefined {
    const read = this.#recent.shift()
    if (read !== undefined) this.#log.pass(read.position, read.item.flows)
    return read
  }

  async #nextStored(): Promise<Read | undefined> {
    if (this.#log.atEnd) return undefined
    this.#readingLog = true
    try {
      return await this.#log.next()
    } catch (error) {
      // Too few descriptors or too little memory, for example.
      this.#observer.failed(error as Error)
      await setTimeout(RETRY_MS)
      return undefined
    } finally {
      this.#readingLog = false
    }
  }

  #work(): void {
    this.#working ??= this.#run().finally(() => {
      this.#working = undefined
      if (this.#isWork) this.#work()
    })
  }

  get #isWork(): boolean {
    return this.#marks.length > 0 || (this.#staged.size > 0 && !this.#failing)
  }

  async #run(): Promise<void> {
    while (this.#isWork) {
      for (const position of this.#marks.splice(0)) await this.#log.mark(position)
      if (this.#staged.size > 0 && !this.#failing) await this.#write()
    }
  }

  async #write(): Promise<void> {
    const items = this.#staged.peek(GROUP_REQUESTS, GROUP_BYTES)
    this.#appending = true
    try {
      this.#wrote(items, await this.#log.append(items))
    } catch (error) {
      this.#refused(error as Error)
    } finally {
      this.#appending = false
      this.#consumers.wakeAll()
    }
  }

  /** In one go: the reader of the log comes to a request exactly when it is not among the recent ones. */
  #wrote(items: readonly QueueItem[], { positions, publish }: Written): void {
    let keep = this.#recent.size > 0 ? this.#recentIsAll : this.#log.atEnd && !this.#readingLog
    publish()
    for (const [index, item] of items.entries()) {
      this.#staged.shift()
      keep &&= this.#recent.bytes + item.bytes.length <= MOST_RECENT_BYTES
      if (!keep) continue
      this.#recent.push({ item, position: positions[index]! })
    }
    this.#recentIsAll = keep
    this.#observer.stored(items.reduce((sum, { flows }) => sum + flows, 0))
    if (this.#writingFailed) this.#observer.writing(undefined)
    this.#writingFailed = false
    this.#producers.wakeAll()
  }

  #refused(error: Error): void {
    this.#failing = true
    if (!this.#writingFailed) this.#observer.writing(error)
    this.#writingFailed = true
    if (this.#stopped) return
    this.#retry = globalThis.setTimeout(() => {
      this.#failing = false
      this.#work()
    }, RETRY_MS)
  }

  #lost(amount: QueueAmount): void {
    this.#size -= amount[this.#sizer]
    this.#observer.lost(amount.items)
    this.#producers.wakeAll()
  }
}
