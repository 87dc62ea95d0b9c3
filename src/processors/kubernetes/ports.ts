import { PairTable } from '../../flow/pair-table.ts'
import type { Ownership } from './ownership.ts'
import type { TimedPorts } from './timed-ports.ts'

/** Stands for "any node" where an address would: node ports. No address has this number. */
export const ANY_NODE = 0

/** Several services claim the port and none of them comes first. */
export const CONTESTED = 0xfffffffe

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
  readonly #ports: TimedPorts
  /** Ports with more than one claim, by address number and port. */
  readonly #contests = new Map<string, Claim[]>()
  /** Claims of ports with one claim: whether it is headless, by address number and port. */
  readonly #headless = new PairTable()

  constructor(ownership: Ownership, ports: TimedPorts) {
    this.#ownership = ownership
    this.#ports = ports
  }

  /** Owner number of the service at a time; 0 = none, or no single one. */
  at(address: number, key: number, seconds: number, nanos: number): number {
    const service = this.#ports.at(address, key, seconds, nanos)
    return service === CONTESTED ? 0 : service
  }

  /** @param words undefined = any node */
  add(words: Uint32Array | undefined, key: number, claim: Claim): void {
    const address = words === undefined ? ANY_NODE : this.#ownership.claim(words)
    const contest = this.#contests.get(`${address}/${key}`)
    const known = this.#ports.now(address, key)
    if (contest !== undefined) contest.push(claim)
    else if (known !== 0) {
      const first = { service: known, headless: this.#headless.get(address, key) === 1 }
      this.#contests.set(`${address}/${key}`, [first, claim])
    }
    this.#decide(address, key, claim)
  }

  remove(words: Uint32Array | undefined, key: number, service: number): void {
    const address = words === undefined ? ANY_NODE : this.#ownership.addresses.find(words, 0)
    const contest = this.#contests.get(`${address}/${key}`)
    const at = contest?.findIndex((claim) => claim.service === service) ?? -1
    if (contest !== undefined && at >= 0) {
      contest.splice(at, 1)
      this.#decide(address, key, contest[0]!)
      if (contest.length === 1) this.#contests.delete(`${address}/${key}`)
    } else {
      this.#ports.set(address, key, 0)
      this.#headless.delete(address, key)
    }
    if (address !== ANY_NODE) this.#ownership.unclaim(address)
  }

  /** @param only the claim where there is no other */
  #decide(address: number, key: number, only: Claim): void {
    const claims = this.#contests.get(`${address}/${key}`) ?? [only]
    // The same service may name a backend in two slices.
    const services = new Set(claims.map(({ service }) => service))
    const first = new Set(claims.filter(({ headless }) => !headless).map(({ service }) => service))
    const candidates = first.size > 0 ? first : services
    const [service] = candidates
    this.#ports.set(address, key, candidates.size === 1 ? service! : CONTESTED)
    this.#headless.set(address, key, claims.length === 1 && only.headless ? 1 : 0)
  }
}
