import { MAPPED_WORD } from '../../flow/address.ts'
import { Protocol } from '../../flow/enums.ts'
import type { Packet } from './packet.ts'

/** States of an entry; the direction of the connection stands above them. */
export const EntryState = { INITIATOR_IS_B: 1, CLOSED: 2 } as const
export const DIRECTION_SHIFT = 2

const KEY_WORDS = 10
const ENTRY_BYTES = 4 * KEY_WORDS + 4 + 8 + 2 * (8 + 8 + 4 + 2 + 2 + 2 + 1) + 2 + 1
const HEAD_WORDS = 4

/** Words of the head. */
const USED = 0
const FREE = 1
const FRESH = 2
const CURSOR = 3

/** Bytes of a table of `capacity` entries (a multiple of 8); zeroed bytes are an empty table. */
export function connectionBytes(capacity: number): number {
  return 4 * HEAD_WORDS + 4 * chains(capacity) + ENTRY_BYTES * capacity + 8
}

function chains(capacity: number): number {
  return 2 ** Math.ceil(Math.log2(capacity))
}

/**
 * Connections of a capture as columns in one buffer, so that the table travels with the chunks to whichever worker
 * reads them. Each entry has two sides: A sends from the lower address and port. Chained hashing with a free list.
 */
export class Connections {
  readonly capacity: number
  readonly key: Uint32Array
  /** Capture time in seconds of the last packet. */
  readonly lastSeen: Float64Array
  /** By entry; `EntryState` bits and the direction. */
  readonly state: Uint8Array
  readonly vlan: Uint16Array
  /** By side (2 * entry, + 1 for B): since the last report. */
  readonly bytes: Float64Array
  readonly packets: Uint32Array
  readonly flags: Uint16Array
  /** By side: TCP flags ever seen, capture time of the last report (0 = none yet), `type << 8 | code` of ICMP, observation point. */
  readonly flagsEver: Uint16Array
  readonly lastReport: Float64Array
  readonly icmp: Uint16Array
  readonly point: Uint8Array
  readonly #head: Uint32Array
  readonly #chains: Uint32Array
  readonly #next: Uint32Array
  readonly #probe = new Uint32Array(KEY_WORDS)

  /** @param buffer of `connectionBytes(capacity)` bytes */
  constructor(buffer: ArrayBuffer, capacity: number) {
    this.capacity = capacity
    let at = 0
    const take = <T>(
      type: new (buffer: ArrayBuffer, at: number, length: number) => T,
      length: number,
      size: number,
    ) => {
      const column = new type(buffer, at, length)
      at += length * size
      return column
    }
    this.lastSeen = take(Float64Array, capacity, 8)
    this.bytes = take(Float64Array, 2 * capacity, 8)
    this.lastReport = take(Float64Array, 2 * capacity, 8)
    this.#head = take(Uint32Array, HEAD_WORDS, 4)
    this.#chains = take(Uint32Array, chains(capacity), 4)
    this.#next = take(Uint32Array, capacity, 4)
    this.key = take(Uint32Array, KEY_WORDS * capacity, 4)
    this.packets = take(Uint32Array, 2 * capacity, 4)
    this.flags = take(Uint16Array, 2 * capacity, 2)
    this.flagsEver = take(Uint16Array, 2 * capacity, 2)
    this.icmp = take(Uint16Array, 2 * capacity, 2)
    this.vlan = take(Uint16Array, capacity, 2)
    this.point = take(Uint8Array, 2 * capacity, 1)
    this.state = take(Uint8Array, capacity, 1)
  }

  /** Entries in use. */
  get used(): number {
    return this.#head[USED]!
  }

  /** Where a sweep that stopped goes on. */
  get cursor(): number {
    return this.#head[CURSOR]!
  }

  set cursor(entry: number) {
    this.#head[CURSOR] = entry
  }

  /** Entries from 0 up to this were in use at some time. */
  get highest(): number {
    return this.#head[FRESH]!
  }

  /** 4 or 6. */
  ipVersion(entry: number): number {
    const at = entry * KEY_WORDS
    return this.key[at] === 0 && this.key[at + 1] === 0 && this.key[at + 2] === MAPPED_WORD ? 4 : 6
  }

  /** IANA number. */
  protocol(entry: number): number {
    return this.key[entry * KEY_WORDS + 9]! & 0xff
  }

  /** Whether the packet's source is side A of its connection. */
  static sourceIsA(packet: Packet): boolean {
    const { words } = packet
    for (let i = 0; i < 4; i++) if (words[i] !== words[4 + i]) return words[i]! < words[4 + i]!
    return packet.sourcePort <= packet.destinationPort
  }

  /** The entry of the packet's connection, -1 when there is none. */
  find(packet: Packet, sourceIsA: boolean): number {
    const chain = this.#fillProbe(packet, sourceIsA)
    for (let link = this.#chains[chain]!; link !== 0; link = this.#next[link - 1]!) {
      if (this.#matches(link - 1)) return link - 1
    }
    return -1
  }

  /** A new entry for the packet's connection, which has none; -1 when the table is full. */
  insert(packet: Packet, sourceIsA: boolean): number {
    const chain = this.#fillProbe(packet, sourceIsA)
    const head = this.#head
    let entry = head[FREE]! - 1
    if (entry >= 0) head[FREE] = this.#next[entry]!
    else if (head[FRESH]! < this.capacity) entry = head[FRESH]!++
    else return -1
    head[USED]!++
    this.key.set(this.#probe, entry * KEY_WORDS)
    this.#next[entry] = this.#chains[chain]!
    this.#chains[chain] = entry + 1
    this.#clear(entry)
    return entry
  }

  /** Forgets an entry; `lastSeen` 0 marks it free. */
  remove(entry: number): void {
    const at = entry * KEY_WORDS
    for (let i = 0; i < KEY_WORDS; i++) this.#probe[i] = this.key[at + i]!
    const chain = this.#chainOf()
    let link = this.#chains[chain]!
    if (link === entry + 1) this.#chains[chain] = this.#next[entry]!
    else {
      while (this.#next[link - 1] !== entry + 1) link = this.#next[link - 1]!
      this.#next[link - 1] = this.#next[entry]!
    }
    this.#next[entry] = this.#head[FREE]!
    this.#head[FREE] = entry + 1
    this.#head[USED]!--
    this.lastSeen[entry] = 0
  }

  #clear(entry: number): void {
    this.state[entry] = 0
    this.vlan[entry] = 0
    for (let side = 2 * entry; side < 2 * entry + 2; side++) {
      this.bytes[side] = 0
      this.packets[side] = 0
      this.flags[side] = 0
      this.flagsEver[side] = 0
      this.lastReport[side] = 0
      this.icmp[side] = 0
      this.point[side] = 0
    }
  }

  #matches(entry: number): boolean {
    const at = entry * KEY_WORDS
    for (let i = 0; i < KEY_WORDS; i++) if (this.key[at + i] !== this.#probe[i]) return false
    return true
  }

  /** @returns the chain the packet's connection belongs to */
  #fillProbe(packet: Packet, sourceIsA: boolean): number {
    const probe = this.#probe
    const [a, b] = sourceIsA ? [0, 4] : [4, 0]
    for (let i = 0; i < 4; i++) {
      probe[i] = packet.words[a + i]!
      probe[4 + i] = packet.words[b + i]!
    }
    const { sourcePort, destinationPort } = packet
    if (packet.protocol === Protocol.ICMP || packet.protocol === Protocol.ICMPV6) probe[8] = icmpKind(packet)
    else probe[8] = sourceIsA ? sourcePort | (destinationPort << 16) : destinationPort | (sourcePort << 16)
    probe[9] = packet.protocol | (packet.interface << 8)
    return this.#chainOf()
  }

  #chainOf(): number {
    let hash = 0
    for (let i = 0; i < KEY_WORDS; i++) hash = Math.imul(hash ^ this.#probe[i]!, 0x9e3779b1) ^ (hash >>> 15)
    return (hash ^ (hash >>> 16)) & (this.#chains.length - 1)
  }
}

/** A request and its reply are one connection, every other ICMP message is its own kind. */
function icmpKind(packet: Packet): number {
  const { icmpType, icmpCode, protocol } = packet
  const request = protocol === Protocol.ICMP ? V4_REPLY_TO.get(icmpType) : V6_REPLY_TO.get(icmpType)
  return ((request ?? icmpType) << 8) | icmpCode
}

/** Types of requests by the types of their replies: echo, timestamp, information, address mask; echo of ICMPv6. */
const V4_REPLY_TO = new Map([
  [0, 8],
  [14, 13],
  [16, 15],
  [18, 17],
])
const V6_REPLY_TO = new Map([[129, 128]])
