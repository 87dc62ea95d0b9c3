import { AddressTable } from './address-table.ts'

/** Nobody. Numbers of owners begin at 1. */
export const NOBODY = 0

/** Without an earlier owner a flow this much older than the start still names the owner: clocks of nodes differ. */
const SLACK_MS = 5_000

export interface OwnershipLimits {
  /** How long a past owner is remembered. */
  historyMs: number
  /** Most past owners. */
  maxHistory: number
}

/** A past owner of an address. */
interface Past {
  address: number
  owner: number
  /** When it began, as it was told. */
  startMs: number
  /** Between these it is named. */
  fromMs: number
  untilMs: number
  /** When it was written down, for forgetting. */
  endedMs: number
  /** Whether `untilMs` is when it ended, not when that was learned. */
  exact: boolean
  /** It is there, and somebody that began later has the address, too: it takes over when that one ends. */
  open: boolean
}

/**
 * Who owns an address, and who owned it before: looked up as of a flow's own time, so that an address that was freed and
 * given out again never names the wrong owner. The present owner lies in typed arrays, past ones in short lists beside.
 *
 * Where one owner follows another and nobody knows exactly when the first one ended, the time in between is nobody's. While two are
 * said to have the address, it is the one's that began later, and when that one ends the other's.
 */
export class Ownership {
  readonly addresses = new AddressTable()
  /** Past owners forgotten before their time because of `maxHistory`. */
  evicted = 0
  readonly #limits: OwnershipLimits
  readonly #released: (owner: number) => void
  readonly #clock: () => number
  /** By address number: when the present owner began, as it was told. */
  #startMs = new Float64Array(32)
  /** By address number, newest first. */
  readonly #past = new Map<number, Past[]>()
  /** In the order of ending, from `#oldest` on. */
  #order: Past[] = []
  #oldest = 0

  /** @param released told of an owner each time one of its addresses, present or past, is forgotten */
  constructor(limits: OwnershipLimits, released: (owner: number) => void, clock: () => number = Date.now) {
    this.#limits = limits
    this.#released = released
    this.#clock = clock
  }

  /** Past owners remembered. */
  get history(): number {
    return this.#order.length - this.#oldest
  }

  /** Owner of an address (its number) at a time: two integers, because a double would be an object at every call. */
  at(address: number, seconds: number, nanos: number): number {
    const owner = this.addresses.owner(address)
    if (owner !== NOBODY && this.addresses.fromMs(address) <= seconds * 1_000) return owner
    return this.#exactlyAt(address, seconds * 1_000 + nanos / 1e6)
  }

  /** Owner of an address now. */
  now(address: number): number {
    return this.addresses.owner(address)
  }

  /** Whether anything but an owner needs this address: then ports decide, too. */
  claims(address: number): number {
    return this.addresses.flags(address)
  }

  /** The address in 4 words as a number that stays until `unclaim`. */
  claim(words: Uint32Array): number {
    const address = this.#number(words)
    this.hold(address)
    return address
  }

  /** Once more, for an address that is claimed. */
  hold(address: number): void {
    this.addresses.setFlags(address, this.claims(address) + 1)
  }

  unclaim(address: number): void {
    this.addresses.setFlags(address, this.claims(address) - 1)
    this.#settle(address)
  }

  /**
   * `owner` has the address from `beganMs` on. Who had it before is past. A time of the future is that of a clock that is ahead:
   * what is told is there. @param endMs of one that is over already, infinite = nobody says @returns false when it had it already
   */
  begin(words: Uint32Array, owner: number, beganMs: number, endMs?: number): boolean {
    const address = this.#number(words)
    const present = this.addresses.owner(address)
    if (present === owner) return false
    const fromMs = Math.min(beganMs, this.#clock())
    if (endMs !== undefined || (present !== NOBODY && this.#startMs[address]! > fromMs)) {
      this.#insert({ address, owner, fromMs, endMs })
      return true
    }
    if (present !== NOBODY) this.#end(address, present, { endMs: this.#clock(), exact: false })
    const list = this.#past.get(address) ?? []
    this.addresses.setOwner(address, owner)
    this.#startMs[address] = fromMs
    this.addresses.setFromMs(address, list.length === 0 ? fromMs - SLACK_MS : after(list, fromMs))
    return true
  }

  /** `owner` has the address no more. @param endMs Unix ms; without it, or in the future: it ended by now, and nobody says when */
  end(words: Uint32Array, owner: number, endMs = Number.POSITIVE_INFINITY): void {
    const address = this.addresses.find(words, 0)
    if (address === 0) return
    const now = this.#clock()
    const end = { endMs: Math.min(endMs, now), exact: endMs <= now }
    if (this.addresses.owner(address) !== owner) {
      this.#shorten(address, owner, end.endMs)
      return
    }
    this.addresses.setOwner(address, NOBODY)
    const heir = this.#past.get(address)?.find(({ open }) => open)
    this.#end(address, owner, end)
    if (heir !== undefined) this.#takeOver(heir, end.endMs)
  }

  /** Forgets owners whose time is long past. To be called every few seconds. */
  sweep(): void {
    const before = this.#clock() - this.#limits.historyMs
    while (this.#oldest < this.#order.length && this.#order[this.#oldest]!.endedMs < before) this.#forgetOldest()
    if (this.#oldest < 1_024 || 2 * this.#oldest < this.#order.length) return
    this.#order = this.#order.slice(this.#oldest)
    this.#oldest = 0
  }

  /** News of an owner that is over, or that comes after that of its successor: it is past already. */
  #insert({ address, owner, fromMs, endMs }: { address: number; owner: number; fromMs: number; endMs?: number }): void {
    const list = this.#past.get(address) ?? []
    let at = 0
    while (at < list.length && list[at]!.startMs > fromMs) at++
    const next = list[at - 1]
    const present = this.addresses.owner(address) !== NOBODY
    const presentMs = present ? this.#startMs[address]! : fromMs
    const nextMs = next?.startMs ?? (presentMs > fromMs ? presentMs : Number.POSITIVE_INFINITY)
    const endedMs = this.#clock()
    const untilMs = Math.min(nextMs, endMs ?? endedMs, endedMs)
    if (next !== undefined) next.fromMs = Math.max(next.fromMs, untilMs)
    else if (present) this.addresses.setFromMs(address, Math.max(this.addresses.fromMs(address), untilMs))
    const own = after(list.slice(at), fromMs)
    const [exact, open] = [endMs !== undefined && endMs <= endedMs, endMs === undefined]
    this.#remember({ address, owner, startMs: fromMs, fromMs: own, untilMs, exact, open, endedMs }, at)
  }

  /** Who had the address as well has it alone now. Its place in the order stays, without it. */
  #takeOver(heir: Past, fromMs: number): void {
    const { address, owner, startMs } = heir
    const list = this.#past.get(address) ?? []
    list.splice(list.indexOf(heir), 1)
    heir.owner = NOBODY
    heir.open = false
    this.addresses.setOwner(address, owner)
    this.addresses.setFromMs(address, fromMs)
    this.#startMs[address] = startMs
  }

  #exactlyAt(address: number, timeMs: number): number {
    const owner = this.addresses.owner(address)
    if (owner !== NOBODY && this.addresses.fromMs(address) <= timeMs) return owner
    const past = this.#past.get(address)
    if (past === undefined) return NOBODY
    for (const { owner, fromMs, untilMs } of past) if (fromMs <= timeMs && timeMs < untilMs) return owner
    return NOBODY
  }

  #end(address: number, owner: number, { endMs, exact }: { endMs: number; exact: boolean }): void {
    const [startMs, fromMs] = [this.#startMs[address]!, this.addresses.fromMs(address)]
    this.#remember({ address, owner, startMs, fromMs, untilMs: endMs, exact, open: false, endedMs: this.#clock() }, 0)
  }

  /** @param at place among the address's past owners */
  #remember(past: Past, at: number): void {
    const list = this.#past.get(past.address)
    if (list === undefined) this.#past.set(past.address, [past])
    else list.splice(at, 0, past)
    this.#order.push(past)
    if (this.history <= this.#limits.maxHistory) return
    this.evicted++
    this.#forgetOldest()
  }

  /** The end of an owner that another one has followed already. */
  #shorten(address: number, owner: number, endMs: number): void {
    const past = this.#past.get(address)?.find((candidate) => candidate.owner === owner)
    if (past === undefined) return
    past.untilMs = Math.min(past.untilMs, endMs)
    past.open = false
  }

  #forgetOldest(): void {
    const past = this.#order[this.#oldest]!
    delete this.#order[this.#oldest++]
    if (past.owner === NOBODY) return
    if (past.open) {
      past.endedMs = this.#clock()
      this.#order.push(past)
      return
    }
    const list = this.#past.get(past.address) ?? []
    list.splice(list.indexOf(past), 1)
    if (list.length === 0) this.#past.delete(past.address)
    this.#settle(past.address)
    this.#released(past.owner)
  }

  /** Frees an address nobody needs. */
  #settle(address: number): void {
    if (this.addresses.owner(address) !== NOBODY || this.claims(address) !== 0 || this.#past.has(address)) return
    this.addresses.remove(address)
  }

  #number(words: Uint32Array): number {
    const address = this.addresses.add(words, 0)
    if (address < this.#startMs.length) return address
    const larger = new Float64Array(2 * this.#startMs.length)
    larger.set(this.#startMs)
    this.#startMs = larger
    return address
  }
}

/** From when on an owner counts that follows others. Where nobody said when one of those ended, it does not count after `fromMs`. */
function after(list: readonly Past[], fromMs: number): number {
  let from = fromMs
  for (const before of list) {
    from = Math.max(from, before.untilMs)
    if (!before.exact) before.untilMs = Math.min(before.untilMs, fromMs)
  }
  return from
}
