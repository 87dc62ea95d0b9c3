import { addressWords } from '../../flow/address-words.ts'
import { AddressTable } from './address-table.ts'

/** Prefixes of one length. */
interface Prefixes {
  mask: Uint32Array
  table: AddressTable
  /** By number in `table`: how often the prefix was added. */
  counts: Map<number, number>
}

/** A set of CIDRs that addresses are looked up in: one hash for each prefix length, of which clusters have one or two. */
export class PrefixSet {
  readonly #lengths = new Map<number, Prefixes>()
  #list: readonly Prefixes[] = []
  readonly #probe = new Uint32Array(4)

  /** @param cidr `10.1.0.0/24`; what is none is ignored */
  add(cidr: string): void {
    const prefix = this.#parse(cidr)
    if (prefix === undefined) return
    const { table, counts } = prefix.of
    const number = table.add(prefix.words, 0)
    counts.set(number, (counts.get(number) ?? 0) + 1)
  }

  remove(cidr: string): void {
    const prefix = this.#parse(cidr)
    if (prefix === undefined) return
    const { table, counts } = prefix.of
    const number = table.find(prefix.words, 0)
    const count = counts.get(number)
    if (count === undefined) return
    if (count > 1) counts.set(number, count - 1)
    else {
      counts.delete(number)
      table.remove(number)
    }
  }

  /** Whether the address at `row` of an address column is inside one of them. */
  has(column: Uint32Array, row: number): boolean {
    const probe = this.#probe
    for (const { mask, table } of this.#list) {
      for (let i = 0; i < 4; i++) probe[i] = column[4 * row + i]! & mask[i]!
      if (table.find(probe, 0) !== 0) return true
    }
    return false
  }

  #parse(cidr: string): { of: Prefixes; words: Uint32Array } | undefined {
    const [text = '', bits = ''] = cidr.split('/')
    const words = addressWords(text)
    const length = Number(bits) + (text.includes(':') ? 0 : 96)
    if (words === undefined || bits === '' || !(length >= 0 && length <= 128)) return undefined
    const of = this.#ofLength(length)
    return { of, words: words.map((word, i) => word & of.mask[i]!) }
  }

  #ofLength(length: number): Prefixes {
    let prefixes = this.#lengths.get(length)
    if (prefixes === undefined) {
      prefixes = { mask: maskWords(length), table: new AddressTable(), counts: new Map() }
      this.#lengths.set(length, prefixes)
      this.#list = [...this.#lengths.values()]
    }
    return prefixes
  }
}

function maskWords(length: number): Uint32Array {
  const bytes = Uint8Array.from({ length: 16 }, (_, i) => 0xff00 >> Math.min(8, Math.max(0, length - 8 * i)))
  return new Uint32Array(bytes.buffer)
}
