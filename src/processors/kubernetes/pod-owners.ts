import type { Endpoint } from '../../flow/endpoint.ts'
import type { Listener } from '../../kubernetes/object-store.ts'
import type { ClaimedAddresses } from './claimed-addresses.ts'
import type { Describer } from './describer.ts'
import type { HostPods } from './host-pods.ts'
import { type Described, OwnerKind, type Owners } from './owners.ts'
import type { PodRecord } from './pod-record.ts'

/** A pod that has addresses, or had them a while ago. */
class PodOwner implements Described {
  readonly kind = OwnerKind.POD
  pod: PodRecord
  readonly #describer: Describer

  constructor(pod: PodRecord, describer: Describer) {
    this.pod = pod
    this.#describer = describer
  }

  get observed(): boolean {
    return this.#describer.isObserved(this.pod)
  }

  describe(): Endpoint {
    return this.#describer.pod(this.pod)
  }
}

export interface PodOwnersSettings {
  owners: Owners
  addresses: ClaimedAddresses
  hostPods: HostPods
  describer: Describer
}

/** Keeps the owners of addresses in step with the pods of the cluster. */
export class PodOwners implements Listener<PodRecord> {
  readonly #settings: PodOwnersSettings
  /** By `namespace/name`. */
  readonly #numbers = new Map<string, number>()

  constructor(settings: PodOwnersSettings) {
    this.#settings = settings
  }

  added(key: string, pod: PodRecord): void {
    const owner = this.#settings.owners.add(new PodOwner(pod, this.#settings.describer))
    this.#numbers.set(key, owner)
    this.#attach(owner, pod)
    if (pod.endMs === undefined) return
    // A pod seen for the first time when it is over already: its flows may still be under way.
    if (pod.hostNetwork) this.#detach(owner, pod, pod.endMs)
    this.#settings.owners.depart(owner)
  }

  updated(key: string, pod: PodRecord, before: PodRecord): void {
    const owner = this.#numbers.get(key)!
    const record = this.#settings.owners.record(owner) as PodOwner
    record.pod = pod
    if (before.endMs === undefined) {
      if (pod.endMs !== undefined) {
        this.#detach(owner, before, pod.endMs)
        this.#settings.owners.depart(owner)
      } else if (pod.hostNetwork) this.#moveHost(owner, pod, before)
      else this.#move(owner, pod, before)
    }
    if (!sameDescription(pod, before)) this.#settings.owners.change(owner)
  }

  deleted(key: string, pod: PodRecord): void {
    const owner = this.#numbers.get(key)!
    this.#numbers.delete(key)
    if (pod.endMs === undefined) this.#detach(owner, pod, undefined)
    this.#settings.owners.depart(owner)
    this.#settings.owners.release(owner)
  }

  /** A pod; undefined = unknown. @param key `namespace/name` */
  find(key: string): PodRecord | undefined {
    const owner = this.#numbers.get(key)
    return owner === undefined ? undefined : this.#pod(owner)
  }

  /** Owner number of a pod that is there and not over; 0 = there is none. @param key `namespace/name` */
  running(key: string): number {
    const owner = this.#numbers.get(key)
    return owner !== undefined && this.#pod(owner).endMs === undefined ? owner : 0
  }

  /** Owner numbers of the pods of these namespaces that are there and not over. */
  *runningIn(namespaces: ReadonlySet<string>): Iterable<number> {
    for (const owner of this.#numbers.values()) {
      const { namespace, endMs } = this.#pod(owner)
      if (endMs === undefined && namespaces.has(namespace)) yield owner
    }
  }

  /** What one pod's description is made of changed. @param key `namespace/name` */
  change(key: string): void {
    const owner = this.#numbers.get(key)
    if (owner !== undefined) this.#settings.owners.change(owner)
  }

  /** More is known of one pod than before. @param key `namespace/name` */
  correct(key: string): void {
    const owner = this.#numbers.get(key)
    if (owner !== undefined) this.#settings.owners.correct(owner)
  }

  /** The same as `change` for every pod that `concerns`. */
  changeWhere(concerns: (pod: PodRecord) => boolean): void {
    const { owners } = this.#settings
    for (const owner of this.#numbers.values()) if (concerns(this.#pod(owner))) owners.change(owner)
  }

  /** Identities changed: whoever would be shown with another one now is described anew. */
  renewAll(): void {
    for (const owner of this.#numbers.values()) this.#settings.owners.renew(owner)
  }

  #pod(owner: number): PodRecord {
    return (this.#settings.owners.record(owner) as PodOwner).pod
  }

  /** Addresses that came later are not its since its start. */
  #move(owner: number, pod: PodRecord, before: PodRecord): void {
    const { addresses } = this.#settings
    addresses.end(owner, without(before.addresses, pod.addresses))
    addresses.begin(owner, without(pod.addresses, before.addresses), Number.POSITIVE_INFINITY)
  }

  #moveHost(owner: number, pod: PodRecord, before: PodRecord): void {
    if (sameList(pod.addresses, before.addresses) && sameList(pod.ports, before.ports)) return
    this.#detach(owner, before, undefined)
    this.#attach(owner, pod)
  }

  #attach(owner: number, pod: PodRecord): void {
    const { addresses, hostPods } = this.#settings
    if (pod.hostNetwork) hostPods.begin(owner, pod)
    else addresses.begin(owner, pod.addresses, pod.startMs, pod.endMs)
  }

  #detach(owner: number, pod: PodRecord, endMs: number | undefined): void {
    const { addresses, hostPods } = this.#settings
    if (pod.hostNetwork) hostPods.end(owner, pod, endMs)
    else addresses.end(owner, pod.addresses, endMs)
  }
}

function without(list: readonly string[], others: readonly string[]): readonly string[] {
  return list === others ? [] : list.filter((item) => !others.includes(item))
}

function sameDescription(a: PodRecord, b: PodRecord): boolean {
  return (
    a.labels === b.labels &&
    a.node === b.node &&
    a.serviceAccount === b.serviceAccount &&
    a.workload === b.workload &&
    a.observe === b.observe
  )
}

function sameList<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((item, i) => item === b[i])
}
