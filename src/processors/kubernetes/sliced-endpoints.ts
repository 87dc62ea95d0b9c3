import type { CiliumEndpointSlice } from '../../kubernetes/cilium.ts'
import type { Listener } from '../../kubernetes/object-store.ts'
import type { PodRecord } from './pod-record.ts'

/** What is kept of a pod's entry in a CiliumEndpointSlice. */
export interface SlicedEndpoint {
  /** `namespace/name` of the pod. */
  readonly pod: string
  readonly identity: number
  readonly addresses: readonly string[]
}

export type KnownSlice = readonly SlicedEndpoint[]

/** Entries that have no identity yet are left out. */
export function knownSlice({ namespace, endpoints }: CiliumEndpointSlice): KnownSlice {
  return (endpoints ?? [])
    .filter(({ id }) => id > 0)
    .map(({ name, id, networking }) => ({
      pod: `${namespace}/${name}`,
      identity: id,
      addresses: (networking?.addressing ?? []).flatMap(({ ipv4, ipv6 }) => [ipv4 ?? [], ipv6 ?? []].flat()),
    }))
}

/** Told of a pod whose entry came (`before` undefined), changed, or went (`now` undefined). */
export type SlicedChange = (pod: string, before: SlicedEndpoint | undefined, now: SlicedEndpoint | undefined) => void

/** Identities of pods by CiliumEndpointSlices. A pod that moves from one slice to another may be in both for a while. */
export class SlicedEndpoints implements Listener<KnownSlice> {
  readonly #changed: SlicedChange
  /** By pod, the newest last. */
  readonly #entries = new Map<string, readonly SlicedEndpoint[]>()

  constructor(changed: SlicedChange) {
    this.#changed = changed
  }

  added(_: string, slice: KnownSlice): void {
    for (const entry of slice) this.#replace(entry.pod, undefined, entry)
  }

  updated(_: string, slice: KnownSlice, before: KnownSlice): void {
    const gone = new Map(before.map((entry) => [entry.pod, entry]))
    for (const entry of slice) {
      this.#replace(entry.pod, gone.get(entry.pod), entry)
      gone.delete(entry.pod)
    }
    for (const entry of gone.values()) this.#replace(entry.pod, entry, undefined)
  }

  deleted(_: string, slice: KnownSlice): void {
    for (const entry of slice) this.#replace(entry.pod, entry, undefined)
  }

  /** Identity of a pod; 0 = none is told. An entry that has none of its addresses is that of the pod before it of that name. */
  identity({ namespace, name, addresses }: PodRecord): number {
    const entries = this.#entries.get(`${namespace}/${name}`) ?? []
    const own = entries.findLast((entry) => entry.addresses.some((address) => addresses.includes(address)))
    return own?.identity ?? 0
  }

  #replace(pod: string, before: SlicedEndpoint | undefined, now: SlicedEndpoint | undefined): void {
    const others = (this.#entries.get(pod) ?? []).filter((entry) => entry !== before)
    const entries = now === undefined ? others : [...others, now]
    if (entries.length === 0) this.#entries.delete(pod)
    else this.#entries.set(pod, entries)
    if (!isSame(before, now)) this.#changed(pod, before, now)
  }
}

function isSame(a: SlicedEndpoint | undefined, b: SlicedEndpoint | undefined): boolean {
  return a?.identity === b?.identity && a?.addresses.join() === b?.addresses.join()
}
