import { Family, OVERFLOW } from './family.ts'

/**
 * Prometheus text 0.0.4 and OpenMetrics 1.0 straight from the series tables, as an iterable of chunks, so that a
 * writer can let other work run between two of them.
 * Formats: prometheus.io/docs/instrumenting/exposition_formats and openmetrics.io (ABNF of version 1.0.0).
 */

export interface TextOptions {
  /** OpenMetrics 1.0 instead of text 0.0.4. */
  openMetrics?: boolean
  /** Leaves counters without `_total` as they are named (the Collector's own metrics); OpenMetrics then calls them `unknown`. */
  withoutTypeSuffix?: boolean
  /** Characters after which a chunk ends, at the next series (default 32,768). */
  chunkLength?: number
}

export const TEXT_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8; escaping=underscores'
export const OPEN_METRICS_CONTENT_TYPE =
  'application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores'

/** Label that marks the series of what did not fit (OpenTelemetry's `otel.metric.overflow`). */
export const OVERFLOW_LABEL = 'otel_metric_overflow'

const DEFAULT_CHUNK = 32_768

/** OpenMetrics wants full names for UCUM's codes, and only where the metric's name ends in them. */
const UNIT_NAMES: Readonly<Record<string, string>> = { s: 'seconds', By: 'bytes', '1': 'ratio', ms: 'milliseconds' }

/**
 * The exposition of `families`, one block per metric name: families of the same name stand together under the first
 * one's metadata. Series are read one by one while the iterable advances; each histogram series is written whole.
 */
export function* writeText(families: readonly Family[], options: TextOptions = {}): Generator<string> {
  const chunkLength = options.chunkLength ?? DEFAULT_CHUNK
  let chunk = ''
  for (const group of byName(families)) {
    const writer = new BlockWriter(group[0]!, options)
    let headed = false
    for (const family of group) {
      for (const id of family.ids()) {
        if (!headed) chunk += writer.head
        headed = true
        chunk += writer.series(family, id)
        if (chunk.length < chunkLength) continue
        yield chunk
        chunk = ''
      }
    }
  }
  if (options.openMetrics) chunk += '# EOF\n'
  if (chunk !== '') yield chunk
}

/**
 * Families grouped by name in order of first appearance. Those of one name and shape (two sources that count the same
 * thing) are added up first, because no series may stand twice; one of another kind than the first of its name is left out.
 */
function byName(families: readonly Family[]): Family[][] {
  const groups = new Map<string, Map<string, Family[]>>()
  for (const family of families) {
    const group = groups.get(family.name) ?? new Map<string, Family[]>()
    groups.set(family.name, group)
    const shape = [family.kind, family.labels.join(), family.buckets.join()].join('|')
    const alike = group.get(shape)
    if (alike !== undefined) alike.push(family)
    else if (group.size === 0 || firstOf(group).kind === family.kind) group.set(shape, [family])
  }
  return [...groups.values()].map((group) => [...group.values()].map(sum))
}

function firstOf(group: Map<string, Family[]>): Family {
  const [first] = group.values()
  return first![0]!
}

function sum(alike: readonly Family[]): Family {
  if (alike.length === 1) return alike[0]!
  const { name, help, kind, unit, labels, buckets } = alike[0]!
  const total = new Family({ name, help, kind, unit, labels, buckets, limit: Number.POSITIVE_INFINITY })
  for (const family of alike) total.absorb(family)
  return total
}

/** Writes one metric: names and metadata are made once, series as often as asked. */
class BlockWriter {
  readonly head: string
  readonly #sample: string
  readonly #openMetrics: boolean

  constructor(first: Family, options: TextOptions) {
    this.#openMetrics = options.openMetrics ?? false
    const plain = first.kind === 'counter' ? first.name.replace(/_total$/, '') : first.name
    const suffixed = first.kind === 'counter' && (first.name !== plain || !options.withoutTypeSuffix)
    this.#sample = suffixed ? `${plain}_total` : first.name
    this.head = this.#openMetrics ? openMetricsHead(first, plain, suffixed) : textHead(first, this.#sample)
  }

  series(family: Family, id: number): string {
    const labels = labelText(family, id)
    if (family.kind === 'histogram') return this.#histogram(family, id, labels)
    const braces = labels === '' ? '' : `{${labels}}`
    return `${this.#sample}${braces} ${numberText(family.value(id))}\n`
  }

  #histogram(family: Family, id: number, labels: string): string {
    const counts = family.bucketCounts(id)
    const before = labels === '' ? '' : `${labels},`
    let text = ''
    let total = 0
    for (let i = 0; i < counts.length; i++) {
      total += counts[i]!
      const bound = i < family.buckets.length ? this.#bound(family.buckets[i]!) : '+Inf'
      text += `${this.#sample}_bucket{${before}le="${bound}"} ${numberText(total)}\n`
    }
    const braces = labels === '' ? '' : `{${labels}}`
    return `${text}${this.#sample}_sum${braces} ${numberText(family.value(id))}\n${this.#sample}_count${braces} ${numberText(total)}\n`
  }

  /** OpenMetrics writes whole bounds as floats (`1.0`); text 0.0.4 has no such rule and knows `1`. */
  #bound(bound: number): string {
    if (bound !== 0 && Math.abs(bound) < 1e-4) return smallText(bound)
    return this.#openMetrics && Number.isInteger(bound) && bound < 1e21 ? `${bound}.0` : numberText(bound)
  }
}

/** `5e-05`: Go's and OpenMetrics' canonical form, in which Prometheus keeps bounds whatever was written. */
function smallText(value: number): string {
  return value.toExponential().replace(/e-(\d)$/, 'e-0$1')
}

function textHead(family: Family, name: string): string {
  const help = family.help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
  return `# HELP ${name} ${help}\n# TYPE ${name} ${family.kind}\n`
}

function openMetricsHead(family: Family, plain: string, suffixed: boolean): string {
  const type = family.kind === 'counter' && !suffixed ? 'unknown' : family.kind
  const unit = UNIT_NAMES[family.unit] ?? ''
  const unitLine = unit !== '' && plain.endsWith(`_${unit}`) ? `# UNIT ${plain} ${unit}\n` : ''
  return `# TYPE ${plain} ${type}\n${unitLine}# HELP ${plain} ${escapeValue(family.help)}\n`
}

function labelText(family: Family, id: number): string {
  const values = family.labelValues(id)
  if (values === undefined) return id === OVERFLOW ? `${OVERFLOW_LABEL}="true"` : ''
  let text = ''
  for (let i = 0; i < values.length; i++) {
    if (i > 0) text += ','
    text += `${family.labels[i]!}="${escapeValue(values[i]!)}"`
  }
  return text
}

/** Neither a backslash, a quote nor a line feed: almost every label value, so the test comes first. */
const SPECIAL = /[\\"\n]/

function escapeValue(value: string): string {
  if (!SPECIAL.test(value)) return value
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}

function numberText(value: number): string {
  if (value === Infinity) return '+Inf'
  if (value === -Infinity) return '-Inf'
  return String(value)
}
