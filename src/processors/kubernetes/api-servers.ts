import type { Endpoint } from '../../flow/endpoint.ts'
import type { ClaimedAddresses } from './claimed-addresses.ts'
import type { Describer } from './describer.ts'
import type { NodeOwners } from './node-owners.ts'
import { type Described, OwnerKind, type Owners } from './owners.ts'
import { NOBODY } from './ownership.ts'

/** API servers that are no nodes of the cluster: a managed control plane. */
class OutsideApiServers implements Described {
  readonly kind = OwnerKind.API_SERVER
  readonly observed = true
  readonly #describer: Describer

  constructor(describer: Describer) {
    this.#describer = describer
  }

  describe(): Endpoint {
    return this.#describer.outsideApiServer()
  }
}

export interface ApiServersSettings {
  owners: Owners
  addresses: ClaimedAddresses
  describer: Describer
  nodes: NodeOwners
}

/** Keeps in step with where the API servers are: the endpoints of the service `default/kubernetes`. */
export class ApiServers {
  readonly #settings: ApiServersSettings
  readonly #owner: number
  #addresses: readonly string[] = []

  constructor(settings: ApiServersSettings) {
    this.#settings = settings
    this.#owner = settings.owners.add(new OutsideApiServers(settings.describer))
  }

  set(addresses: readonly string[]): void {
    const { addresses: claimed, describer, nodes } = this.#settings
    const now = [...new Set(addresses)].sort()
    if (now.join() === this.#addresses.join()) return
    const gone = this.#addresses.filter((address) => !now.includes(address))
    this.#addresses = now
    describer.apiServers = new Set(now)
    claimed.end(this.#owner, gone)
    // A node or a pod that has the address is known by more than that.
    claimed.beginWhere(this.#owner, now, 0, (present) => present === NOBODY)
    nodes.changeAll()
  }
}
