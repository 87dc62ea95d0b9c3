/** Reads the text of an address from bytes, without making a string of it. */

const DOT = 0x2e
const COLON = 0x3a
const PERCENT = 0x25

const words = new Uint32Array(4)
const octets = new Uint8Array(words.buffer)

/**
 * Writes the address whose text is `bytes[at, end)` to `column` at `row`, as columns hold it: 16 bytes in network order, IPv4 as
 * ::ffff:a.b.c.d. A zone (`%eth0`) does not count. @returns 4 or 6; 0 when the text is no address, and nothing is written
 */
export function parseAddress(bytes: Uint8Array, at: number, end: number, column: Uint32Array, row: number): 0 | 4 | 6 {
  const version = parseV4(bytes, at, end, 12) ? 4 : parseV6(bytes, at, end) ? 6 : 0
  if (version === 0) return 0
  if (version === 4) {
    octets.fill(0, 0, 10)
    octets.fill(0xff, 10, 12)
  }
  for (let i = 0; i < 4; i++) column[4 * row + i] = words[i]!
  return version
}

/** The same address as {@link parseAddress} finds, to 16 bytes of `to` from `place` on. */
export function parseAddressBytes(
  { bytes, at, end }: { bytes: Uint8Array; at: number; end: number },
  to: Uint8Array,
  place: number,
): boolean {
  const version = parseAddress(bytes, at, end, words, 0)
  if (version !== 0) to.set(octets, place)
  return version !== 0
}

/** Dotted quad to the 4 bytes of `octets` from `place` on. */
function parseV4(bytes: Uint8Array, at: number, end: number, place: number): boolean {
  let number = -1
  let part = 0
  for (let i = at; i < end; i++) {
    const byte = bytes[i]!
    if (byte === DOT) {
      if (number < 0 || part === 3) return false
      octets[place + part++] = number
      number = -1
      continue
    }
    const digit = byte - 0x30
    // No leading zeros: some take such numbers for octal.
    if (digit < 0 || digit > 9 || number === 0) return false
    number = number < 0 ? digit : number * 10 + digit
    if (number > 255) return false
  }
  if (part !== 3 || number < 0) return false
  octets[place + 3] = number
  return true
}

/** RFC 4291 §2.2 to all of `octets`. */
function parseV6(bytes: Uint8Array, start: number, limit: number): boolean {
  let end = start
  while (end < limit && bytes[end] !== PERCENT) end++
  let at = start
  let filled = 0
  let gap = -1
  if (bytes[at] === COLON) {
    if (at + 1 >= end || bytes[++at] !== COLON) return false
    gap = 0
    at++
  }
  while (at < end) {
    const group = groupEnd(bytes, at, end)
    if (group < end && bytes[group] === DOT) {
      if (filled > 12 || !parseV4(bytes, at, end, filled)) return false
      filled += 4
      break
    }
    if (group === at || group - at > 4 || filled > 14) return false
    const value = hex(bytes, at, group)
    octets[filled++] = value >>> 8
    octets[filled++] = value
    if (group === end) break
    if (bytes[group] !== COLON || group + 1 === end) return false
    at = group + 1
    if (bytes[at] !== COLON) continue
    if (gap >= 0) return false
    gap = filled
    at++
  }
  return gap < 0 ? filled === 16 : spread(gap, filled)
}

/** Moves what follows `::` to the end. It stands for one group at least. */
function spread(gap: number, filled: number): boolean {
  if (filled > 14) return false
  octets.copyWithin(16 - (filled - gap), gap, filled)
  octets.fill(0, gap, 16 - (filled - gap))
  return true
}

function groupEnd(bytes: Uint8Array, at: number, end: number): number {
  let i = at
  while (i < end && hexDigit(bytes[i]!) >= 0) i++
  return i
}

function hex(bytes: Uint8Array, at: number, end: number): number {
  let value = 0
  for (let i = at; i < end; i++) value = value * 16 + hexDigit(bytes[i]!)
  return value
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  const letter = byte | 0x20
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1
}
