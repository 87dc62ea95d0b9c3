import { networkInterfaces } from 'node:os'
import ipaddr from 'ipaddr.js'
import { MAPPED_WORD } from './address.ts'

const REFRESH_MS = 10_000

/** First byte of a word as a column holds it, whatever the byte order of this machine. */
const FIRST_BYTE = new Uint32Array(Uint8Array.of(0xff, 0, 0, 0).buffer)[0]!
const LOOPBACK_V4 = new Uint32Array(Uint8Array.of(127, 0, 0, 0).buffer)[0]!
const LOOPBACK_V6 = new Uint32Array(Uint8Array.of(0, 0, 0, 1).buffer)[0]!

/** The addresses of this machine's interfaces, as a set that columns are looked up in. Loopback always belongs to it. */
export class LocalAddresses {
  /** Open addressing, 4 words an address; `::` marks a free place. */
  #slots = new Uint32Array(4)
  #mask = 0
  #readMs = Number.NEGATIVE_INFINITY
  readonly #read: () => readonly string[]
  readonly #clock: () => number

  constructor(read: () => readonly string[] = interfaceAddresses, clock: () => number = Date.now) {
    this.#read = read
    this.#clock = clock
  }

  /** Reads the interfaces again where that was not done for 10 s. Cheap otherwise: called once per batch. */
  refresh(): void {
    const now = this.#clock()
    if (now - this.#readMs < REFRESH_MS && now >= this.#readMs) return
    this.#readMs = now
    this.#fill(this.#read())
  }

  /** Whether the address at `row` of an address column is this machine's. */
  has(column: Uint32Array, row: number): boolean {
    const at = row * 4
    const [a, b, c, d] = [column[at]!, column[at + 1]!, column[at + 2]!, column[at + 3]!]
    if (a === 0 && b === 0) {
      if (c === MAPPED_WORD && (d & FIRST_BYTE) >>> 0 === LOOPBACK_V4) return true
      if (c === 0 && d === LOOPBACK_V6) return true
    }
    const slots = this.#slots
    for (let slot = hash(a, b, c, d) & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const s = slot * 4
      // First: `::`, which nobody has, would be found in every free place.
      if (slots[s] === 0 && slots[s + 1] === 0 && slots[s + 2] === 0 && slots[s + 3] === 0) return false
      if (slots[s] === a && slots[s + 1] === b && slots[s + 2] === c && slots[s + 3] === d) return true
    }
  }

  #fill(addresses: readonly string[]): void {
    // At most half full, so that every search meets a free place.
    const size = 2 ** Math.ceil(Math.log2(2 * addresses.length + 2))
    const slots = new Uint32Array(4 * size)
    for (const text of addresses) {
      const [a, b, c, d] = words(text)
      let slot = hash(a, b, c, d) & (size - 1)
      while (slots[slot * 4 + 2] !== 0 || slots[slot * 4 + 3] !== 0 || slots[slot * 4] !== 0)
        slot = (slot + 1) & (size - 1)
      slots.set([a, b, c, d], slot * 4)
    }
    this.#slots = slots
    this.#mask = size - 1
  }
}

function hash(a: number, b: number, c: number, d: number): number {
  const mixed = Math.imul(a ^ Math.imul(b, 0x9e3779b1) ^ Math.imul(c, 0x85ebca6b) ^ d, 0xc2b2ae35)
  return (mixed ^ (mixed >>> 15)) >>> 0
}

function words(text: string): [number, number, number, number] {
  const address = ipaddr.parse(text)
  const v6 = address.kind() === 'ipv4' ? (address as ipaddr.IPv4).toIPv4MappedAddress() : (address as ipaddr.IPv6)
  const [a, b, c, d] = new Uint32Array(Uint8Array.from(v6.toByteArray()).buffer)
  return [a!, b!, c!, d!]
}

/** Texts of the addresses of all interfaces, without zones. */
function interfaceAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map((info) => info.address.split('%')[0]!))
}
