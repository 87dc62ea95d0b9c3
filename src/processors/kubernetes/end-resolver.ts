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
   * Endpoint id of the end at an address; `UNOWNED` when nobody in the cluster has it.
   * @param address number of `AddressTable`, 0 = none @param key `portKey` of protocol and port
   * @param seconds of the flow's time, Unix @param nanos the rest of it
   */
  find(address: number, key: number, seconds: number, nanos: number): number {
    if (address === 0) return UNOWNED
    const ownership = this.#ownership
    const owner = ownership.at(address, seconds, nanos)
    if (owner === NOBODY) return UNOWNED
    if (!hasPorts(key >>> 16)) return this.#owners.id(owner, seconds, nanos)
    if (this.#owners.kind(owner) === OwnerKind.NODE) return this.#atNode(address, owner, key, seconds, nanos)
    if (ownership.claims(address) === 0) return this.#owners.id(owner, seconds, nanos)
    return this.#as(owner, this.#services.at(address, key, seconds, nanos), seconds, nanos)
  }

  /** At a node's address, ports tell its pods apart, and node ports are services'. */
  #atNode(address: number, node: number, key: number, seconds: number, nanos: number): number {
    const pod = this.#hostPods.at(address, key, seconds, nanos)
    const service = this.#services.at(address, key, seconds, nanos)
    if (pod !== 0) return this.#as(pod, service, seconds, nanos)
    return this.#as(node, service || this.#services.at(ANY_NODE, key, seconds, nanos), seconds, nanos)
  }

  #as(owner: number, service: number, seconds: number, nanos: number): number {
    const owners = this.#owners
    return service === 0 ? owners.id(owner, seconds, nanos) : owners.idAs(owner, service, seconds, nanos)
  }
}

function hasPorts(protocol: number): boolean {
  return protocol === Protocol.TCP || protocol === Protocol.UDP || protocol === Protocol.SCTP
}
