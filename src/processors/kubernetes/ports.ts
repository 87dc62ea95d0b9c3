import type { Ownership } from './ownership.ts'
import { PairTable } from './pair-table.ts'

/** Stands for "any node" where an address would: node ports. No address has this number. */
export const ANY_NODE = 0

/** Several services claim the port and none of them comes first. */
const CONTESTED = 0xffffffff

/** A port of a protocol as one number. @param protocol IANA number */
export function portKey(protocol: number, port: number): number {
  return ((protocol << 16) | port) >>> 0
}

/** What claims a port at an address. */
interface Claim {
  service: number
  headless: boolean
}

/**
 * Services by address and port: backends of EndpointSlices, node ports, addresses of load balancers. Where several services
 * claim the same port of an address, one with a ClusterIP comes before headless ones; of several with a ClusterIP none is named.
 */
export class ServicePorts {
  readonly #ownership: Ownership
  readonly #table = new PairTable()
  /** Ports with more than one claim, by address number and port. */
  readonly #contests = new Map<string, Claim[]>()
  /** Claims of ports with one claim: whether it is headless, by address number and port. */
  readonly #headless = new PairTable()

  /** By port: 1 bit = somebody claims it somewhere; and how often. Most client ports are known by 8 KiB not to be a service's. */
  readonly #anywhere = new Uint32Array(65_536 / 32)
  readonly #counts = new Uint32Array(65_536)

  constructor(ownership: Ownership) {
    this.#ownership = ownership
  }

  /** Ports that are claimed. */
  get size(): number {
    return this.#table.size
  }

  /** Owner number of the service; 0 = none, or no single one. */
  get(address: number, key: number): number {
    if (((this.#anywhere[(key & 0xffff) >>> 5]! >>> (key & 31)) & 1) === 0) return 0
    const service = this.#table.get(address, key)
    return service === CONTESTED ? 0 : service
  }

  /** @param words undefined = any node */
  add(words: Uint32Array | undefined, key: number, claim: Claim): void {
    const address = words === undefined ? ANY_NODE : this.#ownership.claim(words)
    this.#counted(key, 1)
    const contest = this.#contests.get(`${address}/${key}`)
    const known = this.#table.get(address, key)
    if (contest !== undefined) contest.push(claim)
    else if (known !== 0) {
      const first = { service: known, headless: this.#headless.get(address, key) === 1 }
      this.#contests.set(`${address}/${key}`, [first, claim])
    }
    this.#decide(address, key, claim)
  }

  remove(words: Uint32Array | undefined, key: number, service: number): void {
    const address = words === undefined ? ANY_NODE : this.#ownership.addresses.find(words, 0)
    this.#counted(key, -1)
    const contest = this.#contests.get(`${address}/${key}`)
    const at = contest?.findIndex((claim) => claim.service === service) ?? -1
    if (contest !== undefined && at >= 0) {
      contest.splice(at, 1)
      this.#decide(address, key, contest[0]!)
      if (contest.length === 1) this.#contests.delete(`${address}/${key}`)
    } else {
      this.#table.delete(address, key)
      this.#headless.delete(address, key)
    }
    if (address !== ANY_NODE) this.#ownership.unclaim(address)
  }

  #counted(key: number, change: number): void {
    const port = key & 0xffff
    this.#counts[port]! += change
    const bit = 1 << (port & 31)
    if (this.#counts[port] === 0) this.#anywhere[port >>> 5]! &= ~bit
    else this.#anywhere[port >>> 5]! |= bit
  }

  /** @param only the claim where there is no other */
  #decide(address: number, key: number, only: Claim): void {
    const claims = this.#contests.get(`${address}/${key}`) ?? [only]
    // The same service may name a backend in two slices.
    const services = new Set(claims.map(({ service }) => service))
    const first = new Set(claims.filter(({ headless }) => !headless).map(({ service }) => service))
    const candidates = first.size > 0 ? first : services
    const [service] = candidates
    this.#table.set(address, key, candidates.size === 1 ? service! : CONTESTED)
    this.#headless.set(address, key, claims.length === 1 && only.headless ? 1 : 0)
  }
}
