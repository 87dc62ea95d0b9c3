/** Durations as Go writes them (`time.ParseDuration`): `300ms`, `1m30s`, `1.5h`. */

const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
}

const PART = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/gy

/** Milliseconds of a Go duration; `undefined` when `text` is none. Only zero may come without a unit. */
export function parseDuration(text: string): number | undefined {
  const sign = text.startsWith('-') ? -1 : 1
  const body = text.replace(/^[+-]/, '')
  if (body === '0') return 0
  if (body === '') return undefined
  let ms = 0
  let end = 0
  PART.lastIndex = 0
  for (let part = PART.exec(body); part !== null; part = PART.exec(body)) {
    ms += Number(part[1]) * (UNIT_MS[part[2] ?? ''] ?? Number.NaN)
    end = PART.lastIndex
  }
  return end === body.length ? sign * round(ms) : undefined
}

/** The shortest Go duration of `ms` milliseconds: `1m30s`, `250ms`, `0s`. */
export function formatDuration(ms: number): string {
  if (ms < 0) return `-${formatDuration(-ms)}`
  if (ms === 0) return '0s'
  if (ms < 1) return ms < 1e-3 ? `${round(ms * 1e6)}ns` : `${round(ms * 1e3)}µs`
  if (ms < 1_000) return `${round(ms)}ms`
  const hours = Math.floor(ms / 3_600_000)
  const minutes = Math.floor((ms % 3_600_000) / 60_000)
  const seconds = round((ms % 60_000) / 1_000)
  return `${hours > 0 ? `${hours}h` : ''}${minutes > 0 ? `${minutes}m` : ''}${seconds > 0 ? `${seconds}s` : ''}`
}

/** Nanoseconds are the finest unit: what floating point adds below them is cut. */
function round(value: number): number {
  return Number(value.toFixed(9))
}
