import { hasStatus } from '../kubernetes/api-error.ts'
import { type CiliumIdentity, IDENTITIES } from '../kubernetes/cilium.ts'
import type { ApiClient } from '../kubernetes/client.ts'
import { FIRST_IDENTITY, IDENTITY_COUNT, identityCandidates, LAST_IDENTITY } from '../kubernetes/identity-number.ts'
import type { ObjectMeta } from '../kubernetes/object.ts'
import { type Labels, labelsKey, NAMESPACE_LABEL } from '../kubernetes/security-labels.ts'
import type { Counter, Telemetry } from '../pipeline/telemetry.ts'
import { type Identity, type IdentityIndex, identityOf, UNUSED_SINCE } from './identity-index.ts'
import { marks } from './managed.ts'

type Stored = CiliumIdentity & { metadata: ObjectMeta }

/**
 * Gives label sets their numbers. The object's name is the number, so the API server lets each be taken once only; all
 * allocators try numbers in the same order for the same labels, so two that race find each other's object and share it.
 */
export class IdentityAllocator {
  readonly #client: ApiClient
  readonly #index: IdentityIndex
  /** Label sets being given a number: pods of one workload come together. */
  readonly #pending = new Map<string, Promise<Identity>>()
  readonly #created: Counter
  readonly #collisions: Counter
  readonly #exhausted: Counter

  constructor(client: ApiClient, index: IdentityIndex, telemetry: Telemetry) {
    this.#client = client
    this.#index = index
    this.#exhausted = telemetry.counter(
      'fovea_operator_identities_exhausted',
      'Label sets that got no identity because all numbers are taken; each is tried again.',
    )
    this.#created = telemetry.counter('fovea_operator_identities_created', 'CiliumIdentities made.')
    this.#collisions = telemetry.counter(
      'fovea_operator_identity_collisions',
      'Numbers that another allocator had taken first; the next one was tried.',
    )
  }

  /** The identity of these labels (`k8s:key` → value), made when there is none. @throws Error when no number is left */
  acquire(labels: Labels, signal: AbortSignal): Promise<Identity> {
    const key = labelsKey(labels)
    const known = this.#index.find(key)
    if (known !== undefined && known.unusedSince === '') return Promise.resolve(known)
    let pending = this.#pending.get(key)
    if (pending === undefined) {
      pending = known === undefined ? this.#create(key, labels, signal) : this.#revive(known, signal)
      pending = pending.finally(() => this.#pending.delete(key))
      this.#pending.set(key, pending)
    }
    return pending
  }

  async #create(key: string, labels: Labels, signal: AbortSignal): Promise<Identity> {
    // Thousands of pods may ask for what is not there, over and over: all numbers are looked through only while some are free.
    if (this.#index.size >= IDENTITY_COUNT) throw this.#noneLeft()
    for (const number of identityCandidates(key)) {
      if (this.#index.get(number) !== undefined) continue
      const identity = (await this.#tryCreate(number, labels, signal)) ?? (await this.#read(number, signal))
      if (identity === undefined) continue
      this.#index.put(identity)
      if (identity.key === key) return identity.unusedSince === '' ? identity : this.#revive(identity, signal)
      this.#collisions.add(1)
    }
    throw this.#noneLeft()
  }

  #noneLeft(): Error {
    this.#exhausted.add(1)
    return new Error(
      `no identity number is left: all of ${FIRST_IDENTITY}–${LAST_IDENTITY} are taken; leave out labels that differ from pod to pod (--labels)`,
    )
  }

  /** @returns undefined when somebody has the number already */
  async #tryCreate(number: number, labels: Labels, signal: AbortSignal): Promise<Identity | undefined> {
    const object: CiliumIdentity = {
      apiVersion: 'cilium.io/v2',
      kind: 'CiliumIdentity',
      metadata: {
        name: String(number),
        ...marks({ [NAMESPACE_LABEL]: labels[`k8s:${NAMESPACE_LABEL}`] ?? '' }),
      },
      'security-labels': { ...labels },
    }
    try {
      const identity = identityOf(await this.#client.create<Stored>(IDENTITIES, {}, object, signal))
      this.#created.add(1)
      return identity
    } catch (error) {
      if (hasStatus(error, 409)) return undefined
      throw error
    }
  }

  /** @returns undefined when it is gone again */
  async #read(number: number, signal: AbortSignal): Promise<Identity | undefined> {
    try {
      return identityOf(await this.#client.get<Stored>(IDENTITIES, { name: String(number) }, signal))
    } catch (error) {
      if (hasStatus(error, 404)) return undefined
      throw error
    }
  }

  /** Takes the mark off an identity that was about to be collected; the version makes the collector's deletion fail. */
  async #revive(identity: Identity, signal: AbortSignal): Promise<Identity> {
    const revived = await markUnused(this.#client, identity, null, signal)
    this.#index.put(revived)
    return revived
  }
}

/**
 * Sets or takes off the mark of an unused identity.
 * @throws ApiError 409 when the object was changed meanwhile, 404 when it is gone
 */
export async function markUnused(
  client: ApiClient,
  identity: Identity,
  since: string | null,
  signal: AbortSignal,
): Promise<Identity> {
  const place = { name: String(identity.number) }
  const metadata = { uid: identity.uid, resourceVersion: identity.version, annotations: { [UNUSED_SINCE]: since } }
  const changed = identityOf(await client.merge<Stored>(IDENTITIES, place, { metadata }, signal))
  if (changed === undefined) throw new Error(`identity ${identity.number} has become unreadable`)
  return changed
}
