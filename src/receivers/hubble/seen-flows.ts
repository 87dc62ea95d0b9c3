import type { Part } from './foreign-endpoints.ts'

/** Flows remembered of each observer. */
const REMEMBERED = 4_096
const SLOTS = 4 * REMEMBERED
const NS_PER_SECOND = 1_000_000_000

/** A time as `google.protobuf.Timestamp` has it. */
export interface Timestamp {
  seconds: number
  nanos: number
}

/**
 * The last flows of one observer, so that none is taken twice when it is asked again from before the place where the
 * stream broke. Flows are known by a hash of their UUID, those without one by a hash of all their bytes.
 */
export class SeenFlows {
  /** 64 bits of hash for each flow, in the order of arrival, as a ring. */
  readonly #low = new Uint32Array(REMEMBERED)
  readonly #high = new Uint32Array(REMEMBERED)
  readonly #seconds = new Uint32Array(REMEMBERED)
  readonly #nanos = new Uint32Array(REMEMBERED)
  /** Open addressing: place in the ring + 1; 0 = free. */
  readonly #slots = new Uint16Array(SLOTS)
  #count = 0
  #next = 0

  /** Flows remembered. */
  get size(): number {
    return this.#count
  }

  /** Remembers the flow whose identifying bytes these are. @returns false when it is remembered already */
  add(bytes: Uint8Array, { at, end }: Part, { seconds, nanos }: Timestamp): boolean {
    const low = hash(bytes, at, end, 0x9e3779b1)
    const high = hash(bytes, at, end, 0x85ebca6b)
    let slot = low & (SLOTS - 1)
    for (; this.#slots[slot] !== 0; slot = (slot + 1) & (SLOTS - 1)) {
      const place = this.#slots[slot]! - 1
      if (this.#low[place] === low && this.#high[place] === high) return false
    }
    const place = this.#next
    if (this.#count === REMEMBERED) {
      this.#remove(place)
      slot = this.#freeSlot(low)
    } else this.#count++
    this.#next = (place + 1) % REMEMBERED
    this.#low[place] = low
    this.#high[place] = high
    this.#seconds[place] = seconds
    this.#nanos[place] = nanos
    this.#slots[slot] = place + 1
    return true
  }

  /**
   * From when to ask again: `overlapSeconds` before the last flow, for those that an observer tells out of order, but not
   * beyond what is remembered. Undefined before the first flow.
   */
  resumeAt(overlapSeconds: number): Timestamp | undefined {
    if (this.#count === 0) return undefined
    const last = (this.#next + REMEMBERED - 1) % REMEMBERED
    const wanted = { seconds: Math.max(0, this.#seconds[last]! - overlapSeconds), nanos: this.#nanos[last]! }
    if (this.#count < REMEMBERED) return wanted
    const oldest = { seconds: this.#seconds[this.#next]!, nanos: this.#nanos[this.#next]! }
    // Of the oldest's own time others may be forgotten: from just after it.
    return isBefore(wanted, oldest) ? justAfter(oldest) : wanted
  }

  #freeSlot(low: number): number {
    let slot = low & (SLOTS - 1)
    while (this.#slots[slot] !== 0) slot = (slot + 1) & (SLOTS - 1)
    return slot
  }

  /** Frees the slot of a place, and moves up those that found theirs taken (Knuth 6.4, algorithm R). */
  #remove(place: number): void {
    let slot = this.#low[place]! & (SLOTS - 1)
    while (this.#slots[slot] !== place + 1) slot = (slot + 1) & (SLOTS - 1)
    let hole = slot
    for (;;) {
      slot = (slot + 1) & (SLOTS - 1)
      if (this.#slots[slot] === 0) break
      const home = this.#low[this.#slots[slot]! - 1]! & (SLOTS - 1)
      if (((slot - home) & (SLOTS - 1)) < ((slot - hole) & (SLOTS - 1))) continue
      this.#slots[hole] = this.#slots[slot]!
      hole = slot
    }
    this.#slots[hole] = 0
  }
}

function isBefore(a: Timestamp, b: Timestamp): boolean {
  return a.seconds < b.seconds || (a.seconds === b.seconds && a.nanos < b.nanos)
}

function justAfter({ seconds, nanos }: Timestamp): Timestamp {
  return nanos + 1 < NS_PER_SECOND ? { seconds, nanos: nanos + 1 } : { seconds: seconds + 1, nanos: 0 }
}

function hash(bytes: Uint8Array, at: number, end: number, seed: number): number {
  let value = seed ^ (end - at)
  for (let i = at; i < end; i++) value = Math.imul(value ^ bytes[i]!, 0x01000193) ^ (value >>> 15)
  value = Math.imul(value ^ (value >>> 16), seed)
  return (value ^ (value >>> 13)) >>> 0
}
