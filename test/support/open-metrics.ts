import { type Family, OVERFLOW } from '../../src/metrics/family.ts'

/** `name{label="value",…}` with labels sorted, to the value and the trace of its exemplar. */
export type Series = Record<string, { value: number; trace?: string; traced?: number }>

/** The series of a text in OpenMetrics' format. */
export function openMetricsSeries(text: string): Series {
  const series: Series = {}
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue
    const [, name, labels = '', value, exemplar = ''] =
      /^([\w:]+)(?:\{((?:[\w]+="(?:[^"\\]|\\.)*",?)*)\})? (\S+)(?: # (.*))?$/.exec(line) ?? fail(line)
    const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(
      ([, key, raw]) => [key!, unescaped(raw!)] as const,
    )
    const [, trace, traced] = /^\{traceID="([^"]*)"\} (\S+)/.exec(exemplar) ?? []
    const told = trace === undefined ? {} : { trace, traced: Number(traced) }
    series[keyOf(name!, pairs)] = { value: Number(value), ...told }
  }
  return series
}

/** The series of a family, as the text would have them. */
export function seriesOf(family: Family): Series {
  const series: Series = {}
  for (const id of family.ids()) {
    if (id === OVERFLOW) throw new Error(`${family.name} has an overflow series`)
    const values = family.labelValues(id)!
    const pairs = family.labels.map((label, i) => [label, values[i]!] as const)
    if (family.kind === 'histogram') Object.assign(series, bucketsOf(family, id, pairs))
    else series[keyOf(family.name, pairs)] = { value: family.value(id), ...traceOf(family, id, 0) }
  }
  return series
}

type Pairs = readonly (readonly [name: string, value: string])[]

function bucketsOf(family: Family, id: number, pairs: Pairs): Series {
  const series: Series = {}
  let count = 0
  family.bucketCounts(id).forEach((times, i) => {
    count += times
    const bound = family.buckets[i] === undefined ? '+Inf' : String(family.buckets[i])
    series[keyOf(`${family.name}_bucket`, [...pairs, ['le', bound]])] = { value: count, ...traceOf(family, id, i) }
  })
  series[keyOf(`${family.name}_sum`, pairs)] = { value: family.value(id) }
  series[keyOf(`${family.name}_count`, pairs)] = { value: count }
  return series
}

function traceOf(family: Family, id: number, bucket: number): { trace?: string; traced?: number } {
  const exemplar = family.exemplarOf(id, bucket)
  return exemplar === undefined ? {} : { trace: exemplar.traceId, traced: exemplar.value }
}

function keyOf(name: string, pairs: Pairs): string {
  const written = pairs.map(([key, value]) => `${key}=${JSON.stringify(key === 'le' ? bound(value) : value)}`)
  return `${name}{${written.sort()}}`
}

/** `1.0` is `1`. */
function bound(text: string): string {
  return text === '+Inf' ? text : String(Number(text))
}

function unescaped(text: string): string {
  return text.replace(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped))
}

function fail(line: string): never {
  throw new Error(`no line of OpenMetrics: ${line}`)
}
