import type { InterfaceStatus } from '../../../native/capture.ts'
import type { NameResolver } from './name-rows.ts'

/** Interfaces that are gone are remembered up to this number: their last flows come later than their end. */
const MAX_REMEMBERED = 4096

/** Names of the kernel's numbers: interfaces, drop reasons, code locations. */
export class KernelNames implements NameResolver {
  #interfaces = new Map<number, string>()
  #reasons: ReadonlyMap<number, string>
  #locations: string[] = ['']
  #findLocation: (id: number) => string

  /** @param findLocation text of a location id; asked once for each */
  constructor(reasons: readonly (readonly [number, string])[], findLocation: (id: number) => string) {
    this.#reasons = new Map(reasons)
    this.#findLocation = findLocation
  }

  /** Takes over the names as they are now. */
  update(interfaces: readonly InterfaceStatus[]): void {
    for (const { index, name } of interfaces) {
      this.#interfaces.delete(index)
      this.#interfaces.set(index, name)
    }
    // A Map keeps the order of insertion: those not seen for the longest time go first.
    const most = Math.max(MAX_REMEMBERED, interfaces.length)
    for (const index of this.#interfaces.keys()) {
      if (this.#interfaces.size <= most) break
      this.#interfaces.delete(index)
    }
  }

  interfaceName(ifindex: number): string {
    return this.#interfaces.get(ifindex) ?? ''
  }

  dropReason(reason: number): string {
    return this.#reasons.get(reason) ?? ''
  }

  location(id: number): string {
    this.#locations[id] ??= this.#findLocation(id)
    return this.#locations[id]
  }
}
