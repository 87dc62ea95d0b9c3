import { ABSENT, PairTable } from '../../flow/pair-table.ts'
import type { OwnershipLimits } from './ownership.ts'

/** Nobody has the port now, but somebody had it a while ago. */
const VACANT = 0xffffffff

/** Who had a port before. */
interface Past {
  address: number
  key: number
  owner: number
  fromMs: number
  untilMs: number
  /** When it was written down, for forgetting. */
  endedMs: number
}

export interface TimedPortsSettings {
  limits: OwnershipLimits
  /** A past owner is remembered: its number and the address's must stay. */
  keep(address: number, owner: number): void
  /** It is remembered no more. */
  drop(address: number, owner: number): void
  clock?: () => number
}

/**
 * Owners of ports of addresses, looked up as of a flow's own time. The present owner lies in a typed array, beside it from when
 * on it counts (0 = always, where nobody was known before); past ones in short lists.
 */
export class TimedPorts {
  /** Past owners forgotten before their time because of `maxHistory`. */
  evicted = 0
  readonly #settings: TimedPortsSettings
  readonly #clock: () => number
  /** By address number and `portKey`: owner, and since when in whole Unix seconds. */
  readonly #table = new PairTable()
  /** By `pastKey`, newest first. */
  readonly #past = new Map<number, Past[]>()
  /** In the order of ending. */
  readonly #order = new Set<Past>()
  /** By port: 1 bit = it is in the table at some address; and how often. Most client ports are known by 8 KiB to be nobody's. */
  readonly #anywhere = new Uint32Array(65_536 / 32)
  readonly #counts = new Uint32Array(65_536)

  constructor(settings: TimedPortsSettings) {
    this.#settings = settings
    this.#clock = settings.clock ?? Date.now
  }

  /** Past owners remembered. */
  get history(): number {
    return this.#order.size
  }

  /** Owner at a time, Unix seconds and nanoseconds; 0 = nobody. @param key `portKey` */
  at(address: number, key: number, seconds: number, nanos: number): number {
    if (((this.#anywhere[(key & 0xffff) >>> 5]! >>> (key & 31)) & 1) === 0) return 0
    const place = this.#table.place(address, key)
    if (place === ABSENT) return 0
    const owner = this.#table.value(place)
    if (owner !== VACANT && this.#table.extra(place) <= seconds) return owner
    return this.#before(address, key, seconds * 1_000 + nanos / 1e6)
  }

  /** Owner now; 0 = nobody. */
  now(address: number, key: number): number {
    const owner = this.#table.get(address, key)
    return owner === VACANT ? 0 : owner
  }

  /** `owner` (0 = nobody) has the port from `sinceMs` on (not later than now), as far as anybody else is known to have had it before. */
  set(address: number, key: number, owner: number, sinceMs = Number.POSITIVE_INFINITY): void {
    const fromMs = Math.min(sinceMs, this.#clock())
    const present = this.now(address, key)
    if (present === owner) return
    const presentMs = this.#sinceMs(address, key)
    if (present !== 0)
      this.#remember({ address, key, owner: present, fromMs: presentMs, untilMs: Math.max(presentMs, fromMs) })
    const past = this.#past.get(pastKey(address, key))
    const last = past?.[0]
    if (last === undefined) this.#write(address, key, owner, 0)
    else if (last.owner === owner) {
      // It was away for a moment, as a backend that is restarted.
      this.#forget(last)
      this.#write(address, key, owner, last.fromMs)
    } else this.#write(address, key, owner || VACANT, Math.max(fromMs, last.untilMs))
  }

  /** Forgets owners whose time is long past. To be called every few seconds. */
  sweep(): void {
    const before = this.#clock() - this.#settings.limits.historyMs
    for (const past of this.#order) {
      if (past.endedMs >= before) return
      this.#forget(past)
    }
  }

  #before(address: number, key: number, timeMs: number): number {
    const past = this.#past.get(pastKey(address, key))
    if (past === undefined) return 0
    for (const { owner, fromMs, untilMs } of past) if (fromMs <= timeMs && timeMs < untilMs) return owner
    return 0
  }

  #sinceMs(address: number, key: number): number {
    const place = this.#table.place(address, key)
    return place === ABSENT ? 0 : 1_000 * this.#table.extra(place)
  }

  #write(address: number, key: number, owner: number, fromMs: number): void {
    const port = key & 0xffff
    const known = this.#table.place(address, key) !== ABSENT
    if (owner === 0) {
      if (known && --this.#counts[port]! === 0) this.#anywhere[port >>> 5]! &= ~(1 << (port & 31))
      this.#table.delete(address, key)
      return
    }
    if (!known && this.#counts[port]!++ === 0) this.#anywhere[port >>> 5]! |= 1 << (port & 31)
    this.#table.set(address, key, owner, Math.ceil(fromMs / 1_000))
  }

  #remember(past: Omit<Past, 'endedMs'>): void {
    const { address, key, owner } = past
    const entry = { ...past, endedMs: this.#clock() }
    const list = this.#past.get(pastKey(address, key))
    if (list === undefined) this.#past.set(pastKey(address, key), [entry])
    else list.unshift(entry)
    this.#order.add(entry)
    this.#settings.keep(address, owner)
    if (this.#order.size <= this.#settings.limits.maxHistory) return
    const [oldest] = this.#order
    this.evicted++
    if (oldest !== undefined) this.#forget(oldest)
  }

  #forget(past: Past): void {
    const { address, key, owner } = past
    const list = this.#past.get(pastKey(address, key)) ?? []
    list.splice(list.indexOf(past), 1)
    this.#order.delete(past)
    if (list.length === 0) {
      this.#past.delete(pastKey(address, key))
      if (this.#table.get(address, key) === VACANT) this.#write(address, key, 0, 0)
    }
    this.#settings.drop(address, owner)
  }
}

/** Both numbers in one, exactly: addresses and keys are below 2^24. */
function pastKey(address: number, key: number): number {
  return address * 2 ** 24 + key
}
