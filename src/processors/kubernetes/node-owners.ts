import type { Endpoint } from '../../flow/endpoint.ts'
import type { Listener } from '../../kubernetes/object-store.ts'
import type { ClaimedAddresses } from './claimed-addresses.ts'
import type { Describer } from './describer.ts'
import type { NodeRecord } from './node-record.ts'
import { type Described, OwnerKind, type Owners } from './owners.ts'
import type { PrefixSet } from './prefix-set.ts'

/** A machine of the cluster. */
class NodeOwner implements Described {
  readonly kind = OwnerKind.NODE
  readonly observed = true
  node: NodeRecord
  readonly #describer: Describer

  constructor(node: NodeRecord, describer: Describer) {
    this.node = node
    this.#describer = describer
  }

  describe(): Endpoint {
    return this.#describer.node(this.node)
  }
}

export interface NodeOwnersSettings {
  owners: Owners
  addresses: ClaimedAddresses
  describer: Describer
  /** Where the cluster's pods get addresses from. */
  podNetworks: PrefixSet
  /** Told of nodes whose pods are described by what changed. */
  changed(node: string): void
}

/** Keeps the owners of addresses in step with the nodes of the cluster. */
export class NodeOwners implements Listener<NodeRecord> {
  readonly #settings: NodeOwnersSettings
  readonly #numbers = new Map<string, number>()

  constructor(settings: NodeOwnersSettings) {
    this.#settings = settings
  }

  /** Owner number of a node; 0 = unknown. */
  number(name: string): number {
    return this.#numbers.get(name) ?? 0
  }

  /** Owner numbers of all. */
  numbers(): Iterable<number> {
    return this.#numbers.values()
  }

  added(name: string, node: NodeRecord): void {
    const { owners, describer } = this.#settings
    const owner = owners.add(new NodeOwner(node, describer))
    this.#numbers.set(name, owner)
    this.#attach(owner, node)
    describer.nodes.set(name, node)
    if (node.zone !== '') this.#settings.changed(name)
  }

  updated(name: string, node: NodeRecord, before: NodeRecord): void {
    const { owners, addresses, podNetworks, describer } = this.#settings
    const owner = this.#numbers.get(name)!
    const record = owners.record(owner) as NodeOwner
    record.node = node
    describer.nodes.set(name, node)
    if (!sameTexts(node.addresses, before.addresses) || !sameTexts(node.podCidrs, before.podCidrs)) {
      const gone = before.addresses.filter((address) => !node.addresses.includes(address))
      addresses.end(owner, gone)
      for (const cidr of before.podCidrs) podNetworks.remove(cidr)
      this.#attach(owner, node, Number.POSITIVE_INFINITY)
      owners.change(owner)
    }
    if (node.zone === before.zone) return
    owners.change(owner)
    this.#settings.changed(name)
  }

  deleted(name: string, node: NodeRecord): void {
    const { owners, addresses, podNetworks, describer } = this.#settings
    const owner = this.#numbers.get(name)!
    this.#numbers.delete(name)
    describer.nodes.delete(name)
    addresses.end(owner, node.addresses)
    for (const cidr of node.podCidrs) podNetworks.remove(cidr)
    owners.depart(owner)
    owners.release(owner)
  }

  /** The set of API servers changed. */
  changeAll(): void {
    for (const owner of this.#numbers.values()) this.#settings.owners.change(owner)
  }

  /** @param sinceMs Unix ms, infinite = now: addresses that it did not have before are its from then on */
  #attach(owner: number, node: NodeRecord, sinceMs = node.createdMs): void {
    const { owners, addresses, podNetworks } = this.#settings
    // A pod that has the bridge's usual address keeps it.
    const yields = (present: number) => owners.kind(present) !== OwnerKind.POD
    addresses.beginWhere(owner, node.addresses, sinceMs, yields)
    for (const cidr of node.podCidrs) podNetworks.add(cidr)
  }
}

function sameTexts(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((text, i) => text === b[i])
}
