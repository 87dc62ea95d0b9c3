import { parsed } from './claimed-addresses.ts'
import type { Owners } from './owners.ts'
import type { Ownership } from './ownership.ts'
import { PairTable } from './pair-table.ts'
import type { PodRecord } from './pod-record.ts'

/** Pods on their node's own network: at the node's addresses, told apart by the ports of their containers. */
export class HostPods {
  readonly #ownership: Ownership
  readonly #owners: Owners
  /** Owner by address number and `portKey`. */
  readonly #table = new PairTable()

  constructor(ownership: Ownership, owners: Owners) {
    this.#ownership = ownership
    this.#owners = owners
  }

  /** Owner number of the pod that listens there; 0 = none is known. */
  get(address: number, key: number): number {
    return this.#table.get(address, key)
  }

  begin(owner: number, { addresses, ports }: PodRecord): void {
    for (const words of parsed(addresses))
      for (const port of ports) {
        this.#table.set(this.#ownership.claim(words), port, owner)
        this.#owners.use(owner)
      }
  }

  end(owner: number, { addresses, ports }: PodRecord): void {
    for (const words of parsed(addresses))
      for (const port of ports) {
        const address = this.#ownership.addresses.find(words, 0)
        // The successor of a rolling update may have the port already.
        if (this.#table.get(address, port) === owner) this.#table.delete(address, port)
        this.#ownership.unclaim(address)
        this.#owners.release(owner)
      }
  }
}
