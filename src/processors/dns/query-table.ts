import type { FlowBatch } from '../../flow/batch.ts'
import { WAYS } from './config.ts'

const KEY_WORDS = 10
const NS_PER_SECOND = 1e9
/** Places looked at per call of `sweep`. */
const SWEEP = 512

/** States of a place. */
const FREE = 0
const WAITING = 1
const ANSWERED = 2

/** What became of queries and answers; the processor's counters. */
export interface QueryCounts {
  /** Answers without a query. */
  unmatched: number
  /** Queries that got no answer in time. */
  unanswered: number
  /** Queries forgotten before their time, because others needed the place. */
  evicted: number
}

/** Queries that wait for answers, in sets of places: a full set forgets its oldest. */
export class QueryTable {
  readonly counts: QueryCounts = { unmatched: 0, unanswered: 0, evicted: 0 }
  readonly #places: number
  readonly #keys: Uint32Array
  /** Hash of each key: a set's eight lie in one cache line or two, the keys in many. */
  readonly #hashes: Uint32Array
  readonly #seconds: Uint32Array
  readonly #nanos: Uint32Array
  readonly #state: Uint8Array
  readonly #probe = new Uint32Array(KEY_WORDS)
  readonly #timeoutSeconds: number
  #cursor = 0

  /** @param size most queries that wait */
  constructor(size: number, timeoutMs: number) {
    this.#places = 2 ** Math.ceil(Math.log2(Math.max(size, WAYS)))
    this.#keys = new Uint32Array(KEY_WORDS * this.#places)
    this.#hashes = new Uint32Array(this.#places)
    this.#seconds = new Uint32Array(this.#places)
    this.#nanos = new Uint32Array(this.#places)
    this.#state = new Uint8Array(this.#places)
    this.#timeoutSeconds = timeoutMs / 1000
  }

  /**
   * Names what the next call is about: client, server and id. Not the interface: a node tells a message where it sees it
   * first, which is the client's side for the query and the server's for the answer. @param message row of the L7 table
   */
  key(batch: FlowBatch, row: number, message: number, response: boolean): void {
    const { sourceAddress, destinationAddress, sourcePort, destinationPort, protocol } = batch.columns
    const clients = response ? destinationAddress : sourceAddress
    const servers = response ? sourceAddress : destinationAddress
    const probe = this.#probe
    for (let i = 0; i < 4; i++) {
      probe[i] = clients[4 * row + i]!
      probe[4 + i] = servers[4 * row + i]!
    }
    probe[8] = response
      ? destinationPort[row]! | (sourcePort[row]! << 16)
      : sourcePort[row]! | (destinationPort[row]! << 16)
    probe[9] = batch.l7.columns.dnsId[message]! | (protocol[row]! << 16)
  }

  /** A query. One that is repeated keeps the time of the first. */
  query(seconds: number, nanos: number): void {
    const hash = this.#hash()
    const first = this.#set(hash)
    let place = this.#find(first, hash)
    if (place >= 0 && this.#state[place] === WAITING && !this.#isOver(place, seconds)) return
    if (place < 0) place = this.#choose(first)
    if (this.#state[place] === WAITING) this.#forget(place, seconds)
    for (let i = 0; i < KEY_WORDS; i++) this.#keys[place * KEY_WORDS + i] = this.#probe[i]!
    this.#hashes[place] = hash
    this.#seconds[place] = seconds
    this.#nanos[place] = nanos
    this.#state[place] = WAITING
  }

  /** An answer. @returns nanoseconds since its query, 0 when no query is known. The same answer seen again gets its own latency. */
  answer(seconds: number, nanos: number): number {
    const hash = this.#hash()
    const place = this.#find(this.#set(hash), hash)
    if (place < 0 || this.#isOver(place, seconds)) {
      this.counts.unmatched++
      return 0
    }
    this.#state[place] = ANSWERED
    const latency = (seconds - this.#seconds[place]!) * NS_PER_SECOND + nanos - this.#nanos[place]!
    // CPUs mix their records: an answer may be stamped before its query by a hair.
    return Math.max(1, latency)
  }

  /** Looks at a part of the table and counts the queries in it that nobody answered. */
  sweep(seconds: number): void {
    for (let i = 0; i < Math.min(SWEEP, this.#places); i++) {
      const place = this.#cursor
      this.#cursor = (this.#cursor + 1) & (this.#places - 1)
      if (this.#state[place] === FREE || !this.#isOver(place, seconds)) continue
      if (this.#state[place] === WAITING) this.counts.unanswered++
      this.#state[place] = FREE
    }
  }

  #forget(place: number, seconds: number): void {
    if (this.#isOver(place, seconds)) this.counts.unanswered++
    else this.counts.evicted++
  }

  #isOver(place: number, seconds: number): boolean {
    return seconds - this.#seconds[place]! > this.#timeoutSeconds
  }

  #find(first: number, hash: number): number {
    for (let place = first; place < first + WAYS; place++) {
      if (this.#hashes[place] === hash && this.#state[place] !== FREE && this.#matches(place)) return place
    }
    return -1
  }

  #matches(place: number): boolean {
    const at = place * KEY_WORDS
    for (let i = 0; i < KEY_WORDS; i++) if (this.#keys[at + i] !== this.#probe[i]) return false
    return true
  }

  /** A place of the set for a new query: free, else answered, else the one that waits longest. */
  #choose(first: number): number {
    let chosen = first
    let oldest = Number.POSITIVE_INFINITY
    for (let place = first; place < first + WAYS; place++) {
      if (this.#state[place] === FREE) return place
      const age = this.#seconds[place]! - (this.#state[place] === ANSWERED ? 0x1_0000_0000 : 0)
      if (age >= oldest) continue
      oldest = age
      chosen = place
    }
    return chosen
  }

  #hash(): number {
    let hash = 0
    for (let i = 0; i < KEY_WORDS; i++) hash = Math.imul(hash ^ this.#probe[i]!, 0x9e3779b1) ^ (hash >>> 15)
    return (hash ^ (hash >>> 16)) >>> 0
  }

  /** First place of the set that a key of this hash belongs to. */
  #set(hash: number): number {
    return hash & (this.#places - 1) & ~(WAYS - 1)
  }
}
