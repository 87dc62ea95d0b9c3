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
  fromMs: number
  untilMs: number
  /** When it was written down, for forgetting. */
  endedMs: number
  /** Whether `untilMs` is when it ended, not when that was learned. */
  exact: boolean
}

/**
 * Who owns an address, and who owned it before: looked up as of a flow's own time, so that an address that was freed and
 * given out again never names the wrong owner. The present owner lies in typed arrays, past ones in short lists beside.
 *
 * Where one owner follows another and nobody knows exactly when the first one ended, the time in between is nobody's.
 */
export class Ownership {
  readonly addresses = new AddressTable()
  /** Past owners forgotten before their time because of `maxHistory`. */
  evicted = 0
  readonly #limits: OwnershipLimits
  readonly #released: (owner: number) => void
  readonly #clock: () => number
  /** By address number: present owner, and the Unix ms from which it owns the address. */
  #owner = new Uint32Array(32)
  #fromMs = new Float64Array(32)
  /** By address number: when the present owner began, as it was told. */
  #startMs = new Float64Array(32)
  /** By address number: what else needs it (ports of backends). */
  #claims = new Uint32Array(32)
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

  /** Owner of an address (its number) at a time, Unix ms. */
  at(address: number, timeMs: number): number {
    const owner = this.#owner[address]!
    if (owner !== NOBODY && this.#fromMs[address]! <= timeMs) return owner
    return this.#before(address, timeMs)
  }

  /** Owner of an address now. */
  now(address: number): number {
    return this.#owner[address]!
  }

  /** Whether anything but an owner needs this address: then ports decide, too. */
  claims(address: number): number {
    return this.#claims[address]!
  }

  /** The address in 4 words as a number that stays until `unclaim`. */
  claim(words: Uint32Array): number {
    const address = this.#number(words)
    this.#claims[address]!++
    return address
  }

  unclaim(address: number): void {
    this.#claims[address]!--
    this.#settle(address)
  }

  /** `owner` has the address from `fromMs` on. Who had it before is past. @returns false when it had it already */
  begin(words: Uint32Array, owner: number, fromMs: number): boolean {
    const address = this.#number(words)
    const present = this.#owner[address]!
    if (present === owner) return false
    if (present !== NOBODY && this.#startMs[address]! > fromMs) {
      this.#insert(address, owner, fromMs)
      return true
    }
    if (present !== NOBODY) this.#end(address, present, { endMs: this.#clock(), exact: false })
    const before = this.#past.get(address)?.[0]
    this.#owner[address] = owner
    this.#startMs[address] = fromMs
    this.#fromMs[address] = before === undefined ? fromMs - SLACK_MS : this.#after(before, fromMs)
    return true
  }

  /** `owner` has the address no more. @param endMs Unix ms; undefined = it ended by now, and nobody says when */
  end(words: Uint32Array, owner: number, endMs?: number): void {
    const address = this.addresses.find(words, 0)
    if (address === 0) return
    const end = { endMs: endMs ?? this.#clock(), exact: endMs !== undefined }
    if (this.#owner[address] === owner) {
      this.#owner[address] = NOBODY
      this.#end(address, owner, end)
    } else this.#shorten(address, owner, end.endMs)
  }

  /** Forgets owners whose time is long past. To be called every few seconds. */
  sweep(): void {
    const before = this.#clock() - this.#limits.historyMs
    while (this.#oldest < this.#order.length && this.#order[this.#oldest]!.endedMs < before) this.#forgetOldest()
    if (this.#oldest < 1_024 || 2 * this.#oldest < this.#order.length) return
    this.#order = this.#order.slice(this.#oldest)
    this.#oldest = 0
  }

  /** News of an owner that comes after that of its successor. */
  #insert(address: number, owner: number, fromMs: number): void {
    const nowMs = this.#clock()
    const untilMs = this.#startMs[address]!
    this.#fromMs[address] = Math.max(this.#fromMs[address]!, Math.min(nowMs, untilMs + SLACK_MS))
    this.#remember({ address, owner, fromMs, untilMs, exact: false, endedMs: nowMs })
  }

  /** From when on an owner counts that follows another. */
  #after(before: Past, fromMs: number): number {
    const from = Math.max(fromMs, before.untilMs)
    if (!before.exact) before.untilMs = Math.min(before.untilMs, fromMs)
    return from
  }

  #before(address: number, timeMs: number): number {
    const past = this.#past.get(address)
    if (past === undefined) return NOBODY
    for (const { owner, fromMs, untilMs } of past) if (fromMs <= timeMs && timeMs < untilMs) return owner
    return NOBODY
  }

  #end(address: number, owner: number, { endMs, exact }: { endMs: number; exact: boolean }): void {
    const fromMs = this.#fromMs[address]!
    this.#remember({ address, owner, fromMs, untilMs: endMs, exact, endedMs: this.#clock() })
  }

  #remember(past: Past): void {
    const list = this.#past.get(past.address)
    if (list === undefined) this.#past.set(past.address, [past])
    else list.unshift(past)
    this.#order.push(past)
    if (this.history <= this.#limits.maxHistory) return
    this.evicted++
    this.#forgetOldest()
  }

  /** The end of an owner that another one has followed already. */
  #shorten(address: number, owner: number, endMs: number): void {
    const past = this.#past.get(address)?.find((candidate) => candidate.owner === owner)
    if (past !== undefined) past.untilMs = Math.min(past.untilMs, endMs)
  }

  #forgetOldest(): void {
    const past = this.#order[this.#oldest]!
    delete this.#order[this.#oldest++]
    const list = this.#past.get(past.address) ?? []
    list.pop()
    if (list.length === 0) this.#past.delete(past.address)
    this.#settle(past.address)
    this.#released(past.owner)
  }

  /** Frees an address nobody needs. */
  #settle(address: number): void {
    if (this.#owner[address] !== NOBODY || this.#claims[address] !== 0 || this.#past.has(address)) return
    this.addresses.remove(address)
  }

  #number(words: Uint32Array): number {
    const address = this.addresses.add(words, 0)
    if (address < this.#owner.length) return address
    this.#owner = enlarged(this.#owner, new Uint32Array(2 * this.#owner.length))
    this.#claims = enlarged(this.#claims, new Uint32Array(2 * this.#claims.length))
    this.#fromMs = enlarged(this.#fromMs, new Float64Array(2 * this.#fromMs.length))
    this.#startMs = enlarged(this.#startMs, new Float64Array(2 * this.#startMs.length))
    return address
  }
}

function enlarged<T extends Uint32Array | Float64Array>(from: T, to: T): T {
  to.set(from)
  return to
}
