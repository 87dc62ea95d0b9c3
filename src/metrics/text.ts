import { Family } from './family.ts'
import type { FamilySnapshot } from './family-snapshot.ts'
import { type MetricNames, metricNames, type NameStrategy } from './prometheus-names.ts'
import { TextBlock } from './text-block.ts'
import { constantLabels } from './text-labels.ts'

/**
 * Prometheus text 0.0.4 and OpenMetrics 1.0 straight from the series tables, as an iterable of chunks, so that a
 * writer can let other work run between two of them.
 * Formats: prometheus.io/docs/instrumenting/exposition_formats and openmetrics.io (ABNF of version 1.0.0); quoted names
 * as Prometheus 3 reads them in both.
 */

export interface TextOptions {
  /** OpenMetrics 1.0 instead of text 0.0.4: with units and exemplars. */
  openMetrics?: boolean
  /** How names become Prometheus' (default: with suffixes, in ASCII). */
  names?: NameStrategy
  /** Stands before every metric's name, with `_`. */
  namespace?: string
  /** Labels of every series, where it has none of that name itself. */
  labels?: Readonly<Record<string, string>>
  /** Labels of `target_info`, which is written first; absent = it is not. */
  targetInfo?: Readonly<Record<string, string>>
  /** Each sample with the time it was read. */
  timestamps?: boolean
  /** OpenMetrics only: `_created`, the time when a counter or histogram began. */
  createdSamples?: boolean
  /** Told of a family that was left out because one of its name, but of another kind, came first. */
  leftOut?: (family: Family) => void
  /** Characters after which a chunk ends, at the next series (default 32,768). */
  chunkLength?: number
}

const DEFAULT_CHUNK = 32_768

/** Series added up at a time where several sources have the same ones. */
const SUM_STEP = 1_000

/**
 * The exposition of `families`, one block per metric name: families of the same name stand together under the first
 * one's metadata. The numbers of a block are of one moment. A chunk may be empty: time for other work.
 */
export function* writeText(families: readonly Family[], options: TextOptions = {}): Generator<string> {
  const chunkLength = options.chunkLength ?? DEFAULT_CHUNK
  let chunk = infoText(options)
  for (const { names, alike } of byName(families, options)) {
    const snapshots: FamilySnapshot[] = []
    try {
      yield* snapshotsOf(alike, snapshots)
      const block = new TextBlock(alike[0]![0]!, names, options, Date.now())
      let headed = false
      for (const snapshot of snapshots) {
        const series = block.series(snapshot)
        for (const id of snapshot.ids()) {
          if (!headed) chunk += block.head
          headed = true
          chunk += series(id)
          if (chunk.length < chunkLength) continue
          yield chunk
          chunk = ''
        }
      }
    } finally {
      for (const snapshot of snapshots) snapshot.close()
    }
  }
  if (options.openMetrics) chunk += '# EOF\n'
  if (chunk !== '') yield chunk
}

/** All families of one name, those with the same labels and buckets together. */
interface Block {
  names: MetricNames
  alike: Family[][]
}

/** Families grouped by written name in order of first appearance; one of another kind than the first of its name is left out. */
function byName(families: readonly Family[], { names, namespace, leftOut }: TextOptions): Iterable<Block> {
  const blocks = new Map<string, Block>()
  for (const family of families) {
    const written = metricNames(family, names ?? 'UnderscoreEscapingWithSuffixes', namespace)
    const block = blocks.get(written.sample)
    if (block === undefined) blocks.set(written.sample, { names: written, alike: [[family]] })
    else if (block.alike[0]![0]!.kind !== family.kind) leftOut?.(family)
    else addFamily(block, family)
  }
  return blocks.values()
}

function addFamily({ alike }: Block, family: Family): void {
  const same = alike.find((group) => sameShape(group[0]!, family))
  if (same !== undefined) same.push(family)
  else alike.push([family])
}

function sameShape(a: Family, b: Family): boolean {
  return a.labels.join('\0') === b.labels.join('\0') && a.buckets.join() === b.buckets.join()
}

/**
 * One snapshot for each shape of a name. Families of one shape (two sources that count the same thing) are added up,
 * because no series may stand twice. @param into closed by the caller, whatever happens
 */
function* snapshotsOf(alike: readonly Family[][], into: FamilySnapshot[]): Generator<string> {
  // All at once, so that the block is of one moment.
  const taken = alike.map((group) => group.map((family) => family.snapshot()))
  into.push(...taken.flat())
  const sums: FamilySnapshot[] = []
  for (const group of taken) {
    if (group.length === 1) sums.push(group[0]!)
    else sums.push(yield* sumOf(group))
  }
  for (const snapshot of into) if (!sums.includes(snapshot)) snapshot.close()
  into.splice(0, into.length, ...sums)
}

function* sumOf(group: readonly FamilySnapshot[]): Generator<string, FamilySnapshot> {
  const { name, help, kind, unit, labels, buckets } = group[0]!.family
  const total = new Family({ name, help, kind, unit, labels, buckets, limit: Number.POSITIVE_INFINITY })
  let added = 0
  for (const snapshot of group) {
    for (const id of snapshot.ids()) {
      total.absorb(snapshot, id)
      if (++added % SUM_STEP === 0) yield ''
    }
  }
  return total.snapshot()
}

/** `target_info`: what is known of the process that tells (OpenMetrics 1.0, "Info"). */
function infoText({ targetInfo, openMetrics, names = 'UnderscoreEscapingWithSuffixes' }: TextOptions): string {
  if (targetInfo === undefined) return ''
  const head = openMetrics
    ? '# TYPE target info\n# HELP target Target metadata\n'
    : '# HELP target_info Target metadata\n# TYPE target_info gauge\n'
  return `${head}target_info{${constantLabels(targetInfo, names)}} 1\n`
}
