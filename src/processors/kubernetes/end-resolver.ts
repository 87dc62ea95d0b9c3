import { Protocol } from '../../flow/enums.ts'
import type { HostPods } from './host-pods.ts'
import { OwnerKind, type Owners } from './owners.ts'
import { NOBODY, type Ownership } from './ownership.ts'
import { ANY_NODE, type ServicePorts } from './ports.ts'

/** What ends are looked up in. */
export interface EndTables {
  ownership: Ownership
  owners: Owners
  services: ServicePorts
  hostPods: HostPods
}

/** The cluster has no owner of that address (then or at all). */
export const UNOWNED = 0

/** Finds the endpoint at an address. Called twice for each flow: it makes no object, and touches only typed arrays. */
export class EndResolver {
  readonly #ownership: Ownership
  readonly #owners: Owners
  readonly #services: ServicePorts
  readonly #hostPods: HostPods

  constructor({ ownership, owners, services, hostPods }: EndTables) {
    this.#ownership = ownership
    this.#owners = owners
    this.#services = services
    this.#hostPods = hostPods
  }

  /**
   * Endpoint id of the end at `row` of an address column; `UNOWNED` when nobody in the cluster has the address.
   * @param key `portKey` of protocol and port @param timeMs of the flow, Unix ms
   */
  find(column: Uint32Array, row: number, key: number, timeMs: number): number {
    const ownership = this.#ownership
    const address = ownership.addresses.find(column, 4 * row)
    if (address === 0) return UNOWNED
    const owner = ownership.at(address, timeMs)
    if (owner === NOBODY) return UNOWNED
    const isNode = this.#owners.kind(owner) === OwnerKind.NODE
    if (!isNode && (ownership.claims(address) === 0 || !hasPorts(key >>> 16))) return this.#owners.id(owner)
    return isNode ? this.#atNode(address, owner, key, timeMs) : this.#as(owner, this.#services.at(address, key, timeMs))
  }

  /** At a node's address, ports tell its pods apart, and node ports are services'. */
  #atNode(address: number, node: number, key: number, timeMs: number): number {
    if (!hasPorts(key >>> 16)) return this.#owners.id(node)
    const pod = this.#hostPods.at(address, key, timeMs)
    const service = this.#services.at(address, key, timeMs)
    if (pod !== 0) return this.#as(pod, service)
    return this.#as(node, service || this.#services.at(ANY_NODE, key, timeMs))
  }

  #as(owner: number, service: number): number {
    return service === 0 ? this.#owners.id(owner) : this.#owners.idAs(owner, service)
  }
}

function hasPorts(protocol: number): boolean {
  return protocol === Protocol.TCP || protocol === Protocol.UDP || protocol === Protocol.SCTP
}
