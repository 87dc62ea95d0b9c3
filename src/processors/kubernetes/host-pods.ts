import { parsed } from './claimed-addresses.ts'
import type { Owners } from './owners.ts'
import type { Ownership } from './ownership.ts'
import type { PodRecord } from './pod-record.ts'
import type { TimedPorts } from './timed-ports.ts'

/** Pods on their node's own network: at the node's addresses, told apart by the ports of their containers. */
export class HostPods {
  readonly #ownership: Ownership
  readonly #owners: Owners
  readonly #ports: TimedPorts

  constructor(ownership: Ownership, owners: Owners, ports: TimedPorts) {
    this.#ownership = ownership
    this.#owners = owners
    this.#ports = ports
  }

  /** Owner number of the pod that listened there at a time; 0 = none is known. */
  at(address: number, key: number, seconds: number, nanos: number): number {
    return this.#ports.at(address, key, seconds, nanos)
  }

  begin(owner: number, { addresses, ports, startMs }: PodRecord): void {
    for (const words of parsed(addresses))
      for (const port of ports) {
        this.#ports.set(this.#ownership.claim(words), port, owner, startMs)
        this.#owners.use(owner)
      }
  }

  /** @param endMs Unix ms; undefined = by now */
  end(owner: number, { addresses, ports }: PodRecord, endMs?: number): void {
    for (const words of parsed(addresses))
      for (const port of ports) {
        const address = this.#ownership.addresses.find(words, 0)
        // The successor of a rolling update may have the port already.
        if (this.#ports.now(address, port) === owner) this.#ports.set(address, port, 0, endMs)
        this.#ownership.unclaim(address)
        this.#owners.release(owner)
      }
  }
}
