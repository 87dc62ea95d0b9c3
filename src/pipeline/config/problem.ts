import { comparePlaces, formatPlace, type Place } from './tree.ts'

/** One thing wrong with a configuration. */
export interface PlacedProblem {
  /** `['receivers', 'ebpf/x', 'report_interval']` */
  path: readonly string[]
  message: string
  /** Missing where nothing was written, for example for a file that is not there. */
  place?: Place
}

/** Everything wrong with a configuration, sorted by place; its message has one line for each problem. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly problems: readonly PlacedProblem[]

  constructor(problems: readonly PlacedProblem[]) {
    const sorted = [...problems].sort(byPlace)
    super(distinct(sorted.map(formatProblem)).join('\n'))
    this.problems = sorted
  }
}

/** `receivers::ebpf/x::report_interval: bad duration "10" … (standalone.yaml:7:3)` */
export function formatProblem({ path, message, place }: PlacedProblem): string {
  const prefix = path.length === 0 ? '' : `${path.join('::')}: `
  return `${prefix}${message}${place === undefined ? '' : ` (${formatPlace(place)})`}`
}

function byPlace(a: PlacedProblem, b: PlacedProblem): number {
  if (a.place === undefined || b.place === undefined)
    return Number(a.place !== undefined) - Number(b.place !== undefined)
  return comparePlaces(a.place, b.place)
}

function distinct(lines: readonly string[]): string[] {
  return [...new Set(lines)]
}
