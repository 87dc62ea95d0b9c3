import type { CiliumIdentity } from '../kubernetes/cilium.ts'
import { FIRST_IDENTITY, LAST_IDENTITY } from '../kubernetes/identity-number.ts'
import type { ObjectMeta } from '../kubernetes/object.ts'
import { labelsKey } from '../kubernetes/security-labels.ts'
import { isOurs } from './managed.ts'

/** Since when an identity is used by no endpoint, RFC 3339: the first half of its collection. */
export const UNUSED_SINCE = 'fovea.dev/unused-since'

/** What is kept of a CiliumIdentity. */
export interface Identity {
  readonly number: number
  /** `labelsKey` of its labels. */
  readonly key: string
  readonly uid: string
  readonly version: string
  /** Made by this operator; others are used as they are and never changed. */
  readonly ours: boolean
  /** Text of the annotation; `''` = it is in use. */
  readonly unusedSince: string
}

/** An identity from its object; undefined when the name is no number of this cluster. */
export function identityOf(object: CiliumIdentity & { metadata: ObjectMeta }): Identity | undefined {
  const { name, uid, resourceVersion, annotations } = object.metadata
  const number = Number(name)
  if (!Number.isInteger(number) || number < FIRST_IDENTITY || number > LAST_IDENTITY) return undefined
  return {
    number,
    key: labelsKey(object['security-labels'] ?? {}),
    uid,
    version: resourceVersion,
    ours: isOurs(object.metadata),
    unusedSince: annotations?.[UNUSED_SINCE] ?? '',
  }
}

/** Identities by number and by labels; fed by the watch, and by own writes before the watch brings them. */
export class IdentityIndex {
  readonly #byNumber = new Map<number, Identity>()
  readonly #byKey = new Map<string, Set<number>>()

  get size(): number {
    return this.#byNumber.size
  }

  get(number: number): Identity | undefined {
    return this.#byNumber.get(number)
  }

  /** The identity of a label set. Of several (two allocators that did not see each other) the lowest number, as everybody says. */
  find(key: string): Identity | undefined {
    const numbers = this.#byKey.get(key)
    return numbers === undefined ? undefined : this.#byNumber.get(Math.min(...numbers))
  }

  /** Numbers of a label set that are not the chosen one. */
  superfluous(key: string): number[] {
    const numbers = [...(this.#byKey.get(key) ?? [])]
    return numbers.filter((number) => number !== Math.min(...numbers))
  }

  values(): Iterable<Identity> {
    return this.#byNumber.values()
  }

  put(identity: Identity): void {
    const before = this.#byNumber.get(identity.number)
    if (before !== undefined && before.key !== identity.key) this.#unlink(before)
    this.#byNumber.set(identity.number, identity)
    const numbers = this.#byKey.get(identity.key)
    if (numbers === undefined) this.#byKey.set(identity.key, new Set([identity.number]))
    else numbers.add(identity.number)
  }

  /** Removes this very object, not one made since under its number. */
  remove({ number, uid }: Identity): void {
    const known = this.#byNumber.get(number)
    if (known === undefined || known.uid !== uid) return
    this.#unlink(known)
    this.#byNumber.delete(number)
  }

  clear(): void {
    this.#byNumber.clear()
    this.#byKey.clear()
  }

  #unlink({ key, number }: Identity): void {
    const numbers = this.#byKey.get(key)
    numbers?.delete(number)
    if (numbers?.size === 0) this.#byKey.delete(key)
  }
}
