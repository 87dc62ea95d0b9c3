import { LOCAL_CLIENT } from '../../pipeline/settings/client-table.ts'

/** How many requests may be on their way at one time. */
export interface SlotLimits {
  most: number
  mostPerClient: number
}

/** Memory of requests that are being read: of all clients, and of one. */
const MOST_MIB = 128
const MOST_MIB_PER_CLIENT = 32

/** Calls whose client goes on asking (reflection): each may hold one request. */
const MANY_REQUESTS: SlotLimits = { most: 16, mostPerClient: 4 }

/** Places for calls with one request, and for those with many. @param mib of the largest request */
export function requestSlots(mib: number): { once: RequestSlots; many: RequestSlots } {
  const fitting = (all: number) => Math.max(2, Math.floor(all / mib))
  const once = { most: fitting(MOST_MIB), mostPerClient: fitting(MOST_MIB_PER_CLIENT) }
  return { once: new RequestSlots(once), many: new RequestSlots(MANY_REQUESTS) }
}

interface Waiter {
  client: string
  admit(): void
}

/**
 * Requests whose message is being read, each of which may take `max_recv_msg_size_mib`: so many that they fit memory. What
 * comes beyond waits for its turn unread, held back by HTTP/2's flow control.
 */
export class RequestSlots {
  readonly #limits: SlotLimits
  readonly #reading = new Map<string, number>()
  /** By client, in the order in which they came. */
  readonly #waiting = new Map<string, Set<Waiter>>()
  #total = 0

  constructor(limits: SlotLimits) {
    this.#limits = limits
  }

  /** Requests that are being read. */
  get reading(): number {
    return this.#total
  }

  /**
   * Calls `admit` when the request may be read, maybe at once.
   * @returns to be called when it is read, or its client gone; calling it again does nothing
   */
  enter(client: string, admit: () => void): () => void {
    const waiter = { client, admit }
    const waiting = this.#waiting.get(client) ?? new Set()
    waiting.add(waiter)
    this.#waiting.set(client, waiting)
    this.#admitNext(client)
    let left = false
    return () => {
      if (left) return
      left = true
      if (!this.#forget(waiter)) this.#free(client)
    }
  }

  /** @returns whether it waited */
  #forget(waiter: Waiter): boolean {
    const waiting = this.#waiting.get(waiter.client)
    if (waiting === undefined || !waiting.delete(waiter)) return false
    if (waiting.size === 0) this.#waiting.delete(waiter.client)
    return true
  }

  #free(client: string): void {
    const reading = this.#reading.get(client)! - 1
    if (reading > 0) this.#reading.set(client, reading)
    else this.#reading.delete(client)
    const wasFull = this.#total-- >= this.#limits.most
    // The one that freed the place comes last, if it waits, too.
    if (wasFull) for (const other of [...this.#waiting.keys()]) if (other !== client) this.#admitNext(other)
    this.#admitNext(client)
  }

  /** Admits the first one of a client's that wait, where there is room. */
  #admitNext(client: string): void {
    const [waiter] = this.#waiting.get(client) ?? []
    const reading = this.#reading.get(client) ?? 0
    if (waiter === undefined || this.#total >= this.#limits.most) return
    if (reading >= this.#limits.mostPerClient && client !== LOCAL_CLIENT) return
    this.#forget(waiter)
    this.#reading.set(client, reading + 1)
    this.#total++
    waiter.admit()
  }
}
