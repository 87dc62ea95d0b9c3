import { LAST_ENDPOINT, preferredEndpoint } from '../kubernetes/endpoint-number.ts'

interface Held {
  /** Address of the node. */
  node: string
  number: number
}

/** Numbers of endpoints, each once on its node. Keys are `namespace/name` of pods; it holds no more than there are. */
export class EndpointNumbers {
  readonly #held = new Map<string, Held>()
  /** By node: which endpoint holds a number. */
  readonly #holders = new Map<string, Map<number, string>>()

  /**
   * Takes a number over as an object has it. Where two have the same, that of another operator (`foreign`) keeps it, else the first
   * by key, so that operators that race agree.
   * @returns the endpoint that must have another number now
   */
  adopt(key: string, { node, number }: Held, foreign: boolean): string | undefined {
    if (!Number.isInteger(number) || number < 1 || number > LAST_ENDPOINT) return undefined
    const holder = this.#holders.get(node)?.get(number)
    if (holder === key || (holder !== undefined && !foreign && holder < key)) return undefined
    if (holder !== undefined) this.release(holder)
    this.release(key)
    this.#hold(key, { node, number })
    return holder
  }

  /** The endpoint's number on this node: the one it has, else one made from `uid`, else the next that is free. @throws Error when none is */
  take(key: string, node: string, uid: string): number {
    const held = this.#held.get(key)
    if (held?.node === node) return held.number
    this.release(key)
    const holders = this.#holders.get(node)
    const first = preferredEndpoint(uid)
    for (let i = 0; i < LAST_ENDPOINT; i++) {
      const number = 1 + ((first - 1 + i) % LAST_ENDPOINT)
      if (holders?.has(number) === true) continue
      this.#hold(key, { node, number })
      return number
    }
    throw new Error(`node ${node} has ${LAST_ENDPOINT} endpoints: no number is left`)
  }

  release(key: string): void {
    const held = this.#held.get(key)
    if (held === undefined) return
    this.#held.delete(key)
    const holders = this.#holders.get(held.node)
    holders?.delete(held.number)
    if (holders?.size === 0) this.#holders.delete(held.node)
  }

  #hold(key: string, held: Held): void {
    this.#held.set(key, held)
    const holders = this.#holders.get(held.node)
    if (holders === undefined) this.#holders.set(held.node, new Map([[held.number, key]]))
    else holders.set(held.number, key)
  }
}
