/** Addresses as columns hold them: 16 bytes in network order, IPv4 as ::ffff:a.b.c.d (RFC 4291 §2.5.5.2). */

const LITTLE = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1

function swap(word: number): number {
  return LITTLE
    ? (((word & 0xff) << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0
    : word
}

/** The third word of an IPv4-mapped address, as a host-order read of the column gives it. */
export const MAPPED_WORD = swap(0x0000ffff)

/** Text of the address at `row` of an address column (4 words a row): dotted quad, or RFC 5952 for IPv6. */
export function addressText(column: Uint32Array, row: number): string {
  const at = row * 4
  const [a, b, c, d] = [column[at]!, column[at + 1]!, column[at + 2]!, column[at + 3]!]
  if (a === 0 && b === 0 && c === MAPPED_WORD) return v4Text(swap(d))
  return v6Text([swap(a), swap(b), swap(c), swap(d)])
}

function v4Text(word: number): string {
  return `${word >>> 24}.${(word >>> 16) & 0xff}.${(word >>> 8) & 0xff}.${word & 0xff}`
}

/** RFC 5952 §4: lower case, no leading zeros, the longest run of two or more zero groups becomes `::`. */
function v6Text(words: readonly number[]): string {
  const groups: number[] = []
  for (const word of words) groups.push(word >>> 16, word & 0xffff)
  let best = -1
  let bestLength = 1
  for (let i = 0; i < 8; i++) {
    let run = 0
    while (i + run < 8 && groups[i + run] === 0) run++
    if (run > bestLength) {
      best = i
      bestLength = run
    }
    if (run > 0) i += run - 1
  }
  const hex = groups.map((g) => g.toString(16))
  if (best < 0) return hex.join(':')
  return `${hex.slice(0, best).join(':')}::${hex.slice(best + bestLength).join(':')}`
}

const scratch = new Uint32Array(4)
const scratchBytes = new Uint8Array(scratch.buffer)

/** Text of the address in the 16 bytes of `bytes` from `at` on (network order, at any alignment). */
export function addressTextAt(bytes: Uint8Array, at: number): string {
  for (let i = 0; i < 16; i++) scratchBytes[i] = bytes[at + i]!
  return addressText(scratch, 0)
}
