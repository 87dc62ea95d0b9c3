import type { CiliumEndpoint, CiliumIdentity } from '../../kubernetes/cilium.ts'
import { preferredIdentity } from '../../kubernetes/identity-number.ts'
import { labelList, labelsKey } from '../../kubernetes/security-labels.ts'
import type { PodRecord } from './pod-record.ts'
import type { SlicedEndpoints } from './sliced-endpoints.ts'

/** What is kept of a CiliumEndpoint. */
export interface KnownEndpoint {
  readonly identity: number
  /** Number of the endpoint on its node. */
  readonly localId: number
  /** Uid of the pod it stands for; `''` = not said. */
  readonly podUid: string
}

/** Undefined for an endpoint that has no identity yet. */
export function knownEndpoint({ metadata, status }: CiliumEndpoint): KnownEndpoint | undefined {
  const identity = status?.identity?.id
  if (identity === undefined || identity === 0) return undefined
  const pod = metadata.ownerReferences?.find(({ kind }) => kind === 'Pod')
  return { identity, localId: status?.id ?? 0, podUid: pod?.uid ?? '' }
}

export function sameEndpoint(a: KnownEndpoint, b: KnownEndpoint): boolean {
  return a.identity === b.identity && a.localId === b.localId && a.podUid === b.podUid
}

/** What is kept of a CiliumIdentity. */
export interface KnownIdentity {
  readonly number: number
  readonly key: string
  /** `k8s:key=value`, sorted. */
  readonly labels: readonly string[]
}

/** Undefined for an object whose name is no number. */
export function knownIdentity(object: CiliumIdentity): KnownIdentity | undefined {
  const number = Number(object.metadata.name)
  if (!Number.isSafeInteger(number) || number <= 0) return undefined
  const labels = object['security-labels'] ?? {}
  return { number, key: labelsKey(labels), labels: labelList(labels) }
}

/** An identity as flows show it. */
export interface Identity {
  readonly number: number
  readonly labels: readonly string[]
  /** Number of the endpoint on its node; 0 = not known. */
  readonly localId: number
}

/**
 * Identity numbers, as the cluster's objects say: that of the pod's CiliumEndpoint, else that of its entry in a
 * CiliumEndpointSlice, else that of the CiliumIdentity with the same labels, else a number that every agent computes alike from
 * the labels (the one an operator would try first).
 */
export class Identities {
  /** By `namespace/name` of the pod. */
  readonly #endpoints = new Map<string, KnownEndpoint>()
  readonly #byNumber = new Map<number, KnownIdentity>()
  readonly #byLabels = new Map<string, KnownIdentity>()
  readonly #sliced: Pick<SlicedEndpoints, 'identity'>

  constructor(sliced: Pick<SlicedEndpoints, 'identity'>) {
    this.#sliced = sliced
  }

  setEndpoint(pod: string, endpoint: KnownEndpoint): void {
    this.#endpoints.set(pod, endpoint)
  }

  deleteEndpoint(pod: string): void {
    this.#endpoints.delete(pod)
  }

  setIdentity(identity: KnownIdentity): void {
    this.#byNumber.set(identity.number, identity)
    // Two numbers for the same labels: while one is being collected, the lower one counts everywhere.
    const known = this.#byLabels.get(identity.key)
    if (known === undefined || known.number >= identity.number) this.#byLabels.set(identity.key, identity)
  }

  deleteIdentity({ number, key }: KnownIdentity): void {
    this.#byNumber.delete(number)
    if (this.#byLabels.get(key)?.number !== number) return
    this.#byLabels.delete(key)
    for (const other of this.#byNumber.values()) if (other.key === key) this.setIdentity(other)
  }

  /** @param computed the pod's security labels */
  of(pod: PodRecord, computed: Readonly<Record<string, string>>): Identity {
    const endpoint = this.#endpoints.get(`${pod.namespace}/${pod.name}`)
    // A pod that comes back under its name may meet the endpoint of the one before.
    const valid = endpoint !== undefined && (endpoint.podUid === '' || endpoint.podUid === pod.uid)
    const localId = valid ? endpoint.localId : 0
    const told = valid ? endpoint.identity : this.#sliced.identity(pod)
    const key = labelsKey(computed)
    const known = told === 0 ? this.#byLabels.get(key) : this.#byNumber.get(told)
    if (known !== undefined) return { number: known.number, labels: known.labels, localId }
    return { number: told || preferredIdentity(key), labels: labelList(computed), localId }
  }
}
