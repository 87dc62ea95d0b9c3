import { randomInt } from 'node:crypto'
import type { CoreEndpoint } from '../kubernetes/cilium.ts'

/** Endpoints of one slice, as in Cilium (`ces-max-ciliumendpoints-per-ces`). */
const SLICE_SIZE = 100

interface Placed {
  slice: string
  endpoint: CoreEndpoint
}

/** Which endpoint is in which slice. An endpoint stays where it is; a new one fills the fullest slice of its namespace. */
export class SlicePlan {
  readonly #placed = new Map<string, Placed>()
  readonly #members = new Map<string, Set<string>>()
  /** Slices of each namespace. */
  readonly #slices = new Map<string, Set<string>>()
  readonly #size: number

  constructor(size = SLICE_SIZE) {
    this.#size = size
  }

  has(slice: string): boolean {
    return this.#members.has(slice)
  }

  get(key: string): CoreEndpoint | undefined {
    return this.#placed.get(key)?.endpoint
  }

  keys(): Iterable<string> {
    return this.#placed.keys()
  }

  *endpoints(): Generator<[string, CoreEndpoint]> {
    for (const [key, { endpoint }] of this.#placed) yield [key, endpoint]
  }

  /** Takes a slice over as it is found. @returns whether it must be written, because other slices have some of its endpoints */
  adopt(slice: string, namespace: string, endpoints: readonly CoreEndpoint[]): boolean {
    this.#open(slice, namespace)
    let twice = false
    for (const endpoint of endpoints) {
      const key = `${namespace}/${endpoint.name}`
      if (this.#placed.has(key)) twice = true
      else this.#place(key, slice, endpoint)
    }
    return twice
  }

  /** @returns the slice that changes */
  put(key: string, namespace: string, endpoint: CoreEndpoint): string {
    const slice = this.#placed.get(key)?.slice ?? this.#withRoom(namespace)
    this.#place(key, slice, endpoint)
    return slice
  }

  /** @returns the slice that changes */
  remove(key: string): string | undefined {
    const slice = this.#placed.get(key)?.slice
    if (slice === undefined) return undefined
    this.#placed.delete(key)
    this.#members.get(slice)?.delete(key)
    return slice
  }

  /** Endpoints of a slice, by name. */
  members(slice: string): CoreEndpoint[] {
    const keys = [...(this.#members.get(slice) ?? [])].sort()
    return keys.flatMap((key) => this.#placed.get(key)?.endpoint ?? [])
  }

  /** Forgets an empty slice. */
  forget(slice: string, namespace: string): void {
    this.#members.delete(slice)
    const slices = this.#slices.get(namespace)
    slices?.delete(slice)
    if (slices?.size === 0) this.#slices.delete(namespace)
  }

  #place(key: string, slice: string, endpoint: CoreEndpoint): void {
    this.#placed.set(key, { slice, endpoint })
    this.#members.get(slice)?.add(key)
  }

  #withRoom(namespace: string): string {
    let best: string | undefined
    let most = -1
    for (const slice of this.#slices.get(namespace) ?? []) {
      const count = this.#members.get(slice)?.size ?? 0
      if (count >= this.#size || count <= most) continue
      most = count
      best = slice
    }
    if (best !== undefined) return best
    const made = `${namespace}-${randomInt(36 ** 5)
      .toString(36)
      .padStart(5, '0')}`
    this.#open(made, namespace)
    return made
  }

  #open(slice: string, namespace: string): void {
    if (!this.#members.has(slice)) this.#members.set(slice, new Set())
    const slices = this.#slices.get(namespace)
    if (slices === undefined) this.#slices.set(namespace, new Set([slice]))
    else slices.add(slice)
  }
}
