/** The likely right word for a misspelt one. */

/** The candidate nearest to `word`, if it is near enough to be what was meant. */
export function nearestWord(word: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined
  let least = Math.max(2, Math.floor(word.length / 3)) + 1
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase(), least)
    if (distance >= least || distance >= Math.max(word.length, candidate.length) - 1) continue
    best = candidate
    least = distance
  }
  return best
}

/** `, did you mean "x"?`, else the valid values. */
export function advice(word: string, candidates: readonly string[], noun: string): string {
  const near = nearestWord(word, candidates)
  if (near !== undefined) return `, did you mean ${JSON.stringify(near)}?`
  return candidates.length === 0 ? '' : ` (valid ${noun}: ${[...candidates].sort().join(', ')})`
}

/** Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`; stops counting at `limit`. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      const steps = [last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1)]
      row[j] = Math.min(...steps, swapped ? beforeLast[j - 2]! + 1 : limit)
    }
    beforeLast = last
    last = row
  }
  return last[b.length]!
}
