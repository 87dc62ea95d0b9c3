import { type KubeObject, objectKey } from './object.ts'

/** Told of every change, in the order of the API server's own history. Must not throw. */
export interface Listener<T> {
  added(key: string, value: T): void
  updated(key: string, value: T, before: T): void
  deleted(key: string, value: T): void
}

interface Entry<T> {
  uid: string
  version: string
  value: T
  /** Number of the list that last had it. */
  round: number
}

/**
 * The trimmed objects of one resource. Lists and watch events go in, differences come out: an object that was deleted and made
 * again under its name between two lists is told as deleted and added.
 */
export class ObjectStore<Raw extends KubeObject, T> {
  readonly #entries = new Map<string, Entry<T>>()
  readonly #trim: (object: Raw) => T | undefined
  readonly #listener: Listener<T>
  #round = 0

  /** @param trim keeps of an object what is used; undefined = the object is not wanted */
  constructor(trim: (object: Raw) => T | undefined, listener: Listener<T>) {
    this.#trim = trim
    this.#listener = listener
  }

  get size(): number {
    return this.#entries.size
  }

  get(key: string): T | undefined {
    return this.#entries.get(key)?.value
  }

  *values(): Generator<T> {
    for (const { value } of this.#entries.values()) yield value
  }

  *entries(): Generator<[string, T]> {
    for (const [key, { value }] of this.#entries) yield [key, value]
  }

  /** A list begins: what it does not name until `endList` is gone. */
  beginList(): void {
    this.#round++
  }

  endList(): void {
    for (const [key, entry] of this.#entries) if (entry.round !== this.#round) this.#drop(key, entry)
  }

  /** The object as it is now. */
  put(object: Raw): void {
    const key = objectKey(object.metadata)
    const { uid, resourceVersion: version } = object.metadata
    let known = this.#entries.get(key)
    if (known !== undefined && known.uid !== uid) {
      this.#drop(key, known)
      known = undefined
    }
    if (known?.version === version) {
      known.round = this.#round
      return
    }
    const value = this.#trim(object)
    if (value === undefined) {
      if (known !== undefined) this.#drop(key, known)
      return
    }
    if (known === undefined) {
      this.#entries.set(key, { uid, version, value, round: this.#round })
      this.#listener.added(key, value)
      return
    }
    const before = known.value
    known.value = value
    known.version = version
    known.round = this.#round
    this.#listener.updated(key, value, before)
  }

  remove(object: Raw): void {
    const key = objectKey(object.metadata)
    const known = this.#entries.get(key)
    if (known !== undefined && known.uid === object.metadata.uid) this.#drop(key, known)
  }

  #drop(key: string, { value }: Entry<T>): void {
    this.#entries.delete(key)
    this.#listener.deleted(key, value)
  }
}
