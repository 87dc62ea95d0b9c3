import { addressWords } from '../../flow/address-words.ts'
import type { Owners } from './owners.ts'
import type { Ownership } from './ownership.ts'

/** Gives owners addresses written as text, and counts them as the owner's until they are forgotten. */
export class ClaimedAddresses {
  readonly #ownership: Ownership
  readonly #owners: Owners

  constructor(ownership: Ownership, owners: Owners) {
    this.#ownership = ownership
    this.#owners = owners
  }

  /** @param fromMs Unix ms of the owner's beginning, infinite = by now @param endMs when it is over already: its end */
  begin(owner: number, addresses: readonly string[], fromMs: number, endMs?: number): void {
    for (const words of parsed(addresses))
      if (this.#ownership.begin(words, owner, fromMs, endMs)) this.#owners.use(owner)
  }

  /** As `begin`, but only for addresses nobody has, or only such as `yields` says. */
  beginWhere(owner: number, addresses: readonly string[], fromMs: number, yields: (present: number) => boolean): void {
    for (const words of parsed(addresses)) {
      const number = this.#ownership.addresses.find(words, 0)
      if (number !== 0 && !yields(this.#ownership.now(number))) continue
      if (this.#ownership.begin(words, owner, fromMs)) this.#owners.use(owner)
    }
  }

  /** @param endMs Unix ms; undefined = by now */
  end(owner: number, addresses: readonly string[], endMs?: number): void {
    for (const words of parsed(addresses)) this.#ownership.end(words, owner, endMs)
  }
}

/** What is no address (a name where an address belongs) is left out. */
export function parsed(addresses: readonly string[]): Uint32Array[] {
  return addresses.flatMap((address) => addressWords(address) ?? [])
}
