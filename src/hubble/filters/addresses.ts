import ipaddr from 'ipaddr.js'
import { type FieldFilter, FilterError } from './flow-filter.ts'

/** An address or a prefix, as words of an address column. */
interface Range {
  /** 4 or 6: an IPv4 flow never matches an IPv6 range, also not ::ffff:0:0/96. */
  version: number
  words: Uint32Array
  mask: Uint32Array
}

/** Rows whose address is one of `values` or lies in one of their prefixes. */
export function addressFilter(column: 'sourceAddress' | 'destinationAddress', values: readonly string[]): FieldFilter {
  const ranges = values.map(parseRange)
  return ({ columns }) => {
    const { ipVersion } = columns
    const addresses = columns[column]
    return (row) => {
      for (const range of ranges)
        if (range.version === ipVersion[row] && contains(range, addresses, row * 4)) return true
      return false
    }
  }
}

function contains({ words, mask }: Range, addresses: Uint32Array, at: number): boolean {
  for (let i = 0; i < 4; i++) if (((addresses[at + i]! ^ words[i]!) & mask[i]!) !== 0) return false
  return true
}

function parseRange(text: string): Range {
  const slash = text.lastIndexOf('/')
  const address = parseAddress(slash < 0 ? text : text.slice(0, slash))
  const most = address?.kind() === 'ipv4' ? 32 : 128
  const bits = slash < 0 ? most : parseBits(text.slice(slash + 1))
  if (address === undefined || bits > most) {
    const [what, parser] = slash < 0 ? ['address', 'ParseAddr'] : ['prefix', 'netip.ParsePrefix']
    const quoted = JSON.stringify(text)
    throw new FilterError(`invalid IP ${what} ${quoted} in filter: ${parser}(${quoted}): unable to parse IP`)
  }
  const v6 = address.kind() === 'ipv4' ? (address as ipaddr.IPv4).toIPv4MappedAddress() : (address as ipaddr.IPv6)
  const mask = prefixMask(bits + 128 - most)
  const words = toWords(Uint8Array.from(v6.toByteArray()))
  return { version: most === 32 ? 4 : 6, words: words.map((word, i) => word & mask[i]!), mask }
}

/** Strictly: ipaddr.js also knows `10.1` and octal octets, Go does not. */
function parseAddress(text: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text)
  return ipaddr.IPv6.isValid(text) && !text.includes('%') ? ipaddr.IPv6.parse(text) : undefined
}

/** Infinity when it is no number: longer than every address. */
function parseBits(text: string): number {
  return /^(0|[1-9]\d{0,2})$/.test(text) ? Number(text) : Number.POSITIVE_INFINITY
}

function prefixMask(bits: number): Uint32Array {
  return toWords(Uint8Array.from({ length: 16 }, (_, i) => (0xff00 >> Math.min(8, Math.max(0, bits - 8 * i))) & 0xff))
}

function toWords(bytes: Uint8Array): Uint32Array {
  return new Uint32Array(bytes.buffer, 0, 4)
}
