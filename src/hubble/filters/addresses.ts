import { addressWords } from '../../flow/address-words.ts'
import { FilterError } from './filter-error.ts'
import type { FieldFilter } from './flow-filter.ts'
import { remembered } from './regexps.ts'

/** An address or a prefix, as words of an address column. */
export interface AddressRange {
  /** 4 or 6: an IPv4 flow never matches an IPv6 range, also not ::ffff:0:0/96. */
  version: number
  /** Length of the prefix. */
  bits: number
  words: Uint32Array
  mask: Uint32Array
}

/** Rows whose address is one of `values` or lies in one of their prefixes, however it is spelled. */
export function addressFilter(column: 'sourceAddress' | 'destinationAddress', values: readonly string[]): FieldFilter {
  const ranges = values.map(parseRange)
  return ({ columns }) => {
    const { ipVersion } = columns
    const addresses = columns[column]
    return (row) => {
      for (const range of ranges) if (rangeContains(range, ipVersion[row]!, addresses, row * 4)) return true
      return false
    }
  }
}

/** Rows whose source was translated to one of `values`; flows of this node do not tell. */
export function translatedFilter(values: readonly string[]): FieldFilter {
  const ranges = values.map(parseRange)
  const contains = remembered((text) => {
    const words = addressWords(text)
    return words !== undefined && ranges.some((range) => rangeContains(range, text.includes(':') ? 6 : 4, words, 0))
  })
  return ({ foreign }) => (foreign === undefined ? () => false : (row) => contains(foreign.sourceXlated(row)))
}

/** Whether the range contains the address of `version` in 4 words from `at` on. */
export function rangeContains(range: AddressRange, version: number, addresses: Uint32Array, at: number): boolean {
  if (range.version !== version) return false
  const { words, mask } = range
  for (let i = 0; i < 4; i++) if (((addresses[at + i]! ^ words[i]!) & mask[i]!) !== 0) return false
  return true
}

/** @throws Error in the words of Go's `netip.ParsePrefix` */
export function parsePrefix(text: string): AddressRange {
  const slash = text.lastIndexOf('/')
  const fail = (why: string) => new Error(`netip.ParsePrefix(${JSON.stringify(text)}): ${why}`)
  if (slash < 0) throw fail("no '/'")
  const [address, length] = [text.slice(0, slash), text.slice(slash + 1)]
  const why = whyNoAddress(address)
  if (why !== '') throw fail(`ParseAddr(${JSON.stringify(address)}): ${why}`)
  if (address.includes('%')) throw fail('IPv6 zones cannot be present in a prefix')
  if (!/^(?:0|[1-9]\d*)$/.test(length)) throw fail(`bad bits after slash: ${JSON.stringify(length)}`)
  if (Number(length) > (address.includes(':') ? 128 : 32)) throw fail('prefix length out of range')
  return range(address, Number(length))
}

function parseRange(text: string): AddressRange {
  if (!text.includes('/')) {
    const why = whyNoAddress(text)
    if (why === '') return range(text, text.includes(':') ? 128 : 32)
    const quoted = JSON.stringify(text)
    throw new FilterError(`invalid IP address ${quoted} in filter: ParseAddr(${quoted}): ${why}`)
  }
  try {
    return parsePrefix(text)
  } catch (cause) {
    throw new FilterError(`invalid IP prefix ${JSON.stringify(text)} in filter: ${(cause as Error).message}`, { cause })
  }
}

function range(address: string, bits: number): AddressRange {
  const version = address.includes(':') ? 6 : 4
  const mask = prefixMask(version === 6 ? bits : bits + 96)
  return { version, bits, words: addressWords(address)!.map((word, i) => word & mask[i]!), mask }
}

function prefixMask(bits: number): Uint32Array {
  const bytes = Uint8Array.from({ length: 16 }, (_, i) => (0xff00 >> Math.min(8, Math.max(0, bits - 8 * i))) & 0xff)
  return new Uint32Array(bytes.buffer)
}

/** In the words of Go's `netip.ParseAddr`; `''` = it is one. Stricter than `addressWords`, which takes octal numbers and `10.1`. */
function whyNoAddress(text: string): string {
  const kind = /[.:%]/.exec(text)?.[0]
  if (kind === '.') return whyNoIpv4(text)
  if (kind === '%') return 'missing IPv6 address'
  if (kind === undefined) return 'unable to parse IP'
  if (text.endsWith('%')) return 'zone must be a non-empty string'
  const v4 = /[^:]*\..*$/.exec(text.split('%')[0]!)?.[0]
  if (v4 !== undefined && whyNoIpv4(v4) !== '') return whyNoIpv4(v4)
  return addressWords(text) === undefined ? 'unable to parse IP' : ''
}

function whyNoIpv4(text: string): string {
  const stranger = /[^0-9.].*/.exec(text)?.[0]
  if (stranger !== undefined) return `unexpected character (at ${JSON.stringify(stranger)})`
  if (/^\.|\.\.|\.$/.test(text)) return `IPv4 field must have at least one digit (at ${JSON.stringify(emptyAt(text))})`
  const octets = text.split('.')
  if (octets.some((octet) => /^0\d/.test(octet))) return 'IPv4 field has octet with leading zero'
  if (octets.some((octet) => Number(octet) > 255)) return 'IPv4 field has value >255'
  if (octets.length > 4) return 'IPv4 address too long'
  return octets.length < 4 ? 'IPv4 address too short' : ''
}

/** What follows from the dot on that has no digit before it, or none behind it at the end. */
function emptyAt(text: string): string {
  if (text.startsWith('.')) return text
  const double = text.indexOf('..')
  return double < 0 ? '.' : text.slice(double + 1)
}
