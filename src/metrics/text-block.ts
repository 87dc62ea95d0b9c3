import { EXEMPLAR_LABEL, type Exemplar } from './exemplars.ts'
import type { Family } from './family.ts'
import type { FamilySnapshot } from './family-snapshot.ts'
import { isPlainName, type MetricNames, unitWord } from './prometheus-names.ts'
import type { TextOptions } from './text.ts'
import { escapeText, LabelText } from './text-labels.ts'

/** Writes one metric: its names and metadata are made once, series as often as asked. */
export class TextBlock {
  readonly head: string
  readonly #options: TextOptions
  readonly #openMetrics: boolean
  /** After the value: a timestamp, or nothing. */
  readonly #end: string
  readonly #value: SampleName
  readonly #created: SampleName | undefined
  readonly #bucket: SampleName
  readonly #sum: SampleName
  readonly #count: SampleName

  /** @param family gives the metadata @param names of the metric @param nowMs Unix milliseconds */
  constructor(family: Family, names: MetricNames, options: TextOptions, nowMs: number) {
    this.#options = options
    this.#openMetrics = options.openMetrics ?? false
    this.#end = options.timestamps ? ` ${this.#openMetrics ? seconds(nowMs) : nowMs}\n` : '\n'
    this.head = this.#openMetrics ? openMetricsHead(family, names) : textHead(family, names.sample)
    this.#value = new SampleName(names.sample)
    this.#bucket = new SampleName(`${names.sample}_bucket`)
    this.#sum = new SampleName(`${names.sample}_sum`)
    this.#count = new SampleName(`${names.sample}_count`)
    if (!this.#openMetrics || !options.createdSamples || family.kind === 'gauge') return
    // Only what OpenMetrics calls a counter may have been created at a time.
    if (family.kind === 'histogram' || names.sample !== names.plain)
      this.#created = new SampleName(`${names.plain}_created`)
  }

  /** Writer of series with the labels of one family. */
  series(snapshot: FamilySnapshot): (id: number) => string {
    const { family } = snapshot
    const labels = new LabelText(family, this.#options)
    if (family.kind === 'histogram') {
      const bounds = [...family.buckets.map((bound) => this.#bound(bound)), '+Inf']
      return (id) => this.#histogram(snapshot, id, labels.of(snapshot, id), bounds)
    }
    return (id) => this.#number(snapshot, id, labels.of(snapshot, id))
  }

  #number(snapshot: FamilySnapshot, id: number, labels: string): string {
    const exemplar = this.#openMetrics ? snapshot.exemplar(id, 0) : undefined
    const text = `${this.#value.with(labels)} ${numberText(snapshot.value(id))}`
    return text + this.#ending(exemplar) + this.#createdText(snapshot, id, labels)
  }

  #histogram(snapshot: FamilySnapshot, id: number, labels: string, bounds: readonly string[]): string {
    const counts = snapshot.bucketCounts(id)
    const before = labels === '' ? '' : `${labels},`
    let text = ''
    let total = 0
    for (let i = 0; i < counts.length; i++) {
      total += counts[i]!
      const exemplar = this.#openMetrics ? snapshot.exemplar(id, i) : undefined
      text += `${this.#bucket.with(`${before}le="${bounds[i]!}"`)} ${numberText(total)}${this.#ending(exemplar)}`
    }
    text += `${this.#sum.with(labels)} ${numberText(snapshot.value(id))}${this.#end}`
    text += `${this.#count.with(labels)} ${numberText(total)}${this.#end}`
    return text + this.#createdText(snapshot, id, labels)
  }

  #ending(exemplar: Readonly<Exemplar> | undefined): string {
    if (exemplar === undefined) return this.#end
    const label = `${EXEMPLAR_LABEL}="${escapeText(exemplar.traceId)}"`
    return `${this.#end.slice(0, -1)} # {${label}} ${numberText(exemplar.value)} ${seconds(exemplar.timeMs)}\n`
  }

  #createdText(snapshot: FamilySnapshot, id: number, labels: string): string {
    if (this.#created === undefined) return ''
    return `${this.#created.with(labels)} ${seconds(snapshot.family.startMs(id))}${this.#end}`
  }

  /** OpenMetrics writes whole bounds as floats (`1.0`); text 0.0.4 has no such rule and knows `1`. */
  #bound(bound: number): string {
    if (bound !== 0 && Math.abs(bound) < 1e-4) return smallText(bound)
    return this.#openMetrics && Number.isInteger(bound) && bound < 1e21 ? `${bound}.0` : numberText(bound)
  }
}

/** What a line begins with. Names that old scrapers would not read stand quoted between the braces. */
class SampleName {
  readonly #bare: string
  readonly #open: string

  constructor(name: string) {
    const quoted = isPlainName(name) ? undefined : `{"${escapeText(name)}"`
    this.#bare = quoted === undefined ? name : `${quoted}}`
    this.#open = quoted === undefined ? `${name}{` : `${quoted},`
  }

  with(labels: string): string {
    return labels === '' ? this.#bare : `${this.#open}${labels}}`
  }
}

function textHead(family: Family, sample: string): string {
  const name = metadataName(sample)
  const help = family.help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
  return `# HELP ${name} ${help}\n# TYPE ${name} ${family.kind}\n`
}

/** A counter whose samples lack `_total` is none to OpenMetrics. */
function openMetricsHead(family: Family, { sample, plain }: MetricNames): string {
  const name = metadataName(plain)
  const type = family.kind === 'counter' && sample === plain ? 'unknown' : family.kind
  const unit = unitWord(family)
  const unitLine = unit !== '' && plain.endsWith(`_${unit}`) ? `# UNIT ${name} ${unit}\n` : ''
  return `# TYPE ${name} ${type}\n${unitLine}# HELP ${name} ${escapeText(family.help)}\n`
}

function metadataName(name: string): string {
  return isPlainName(name) ? name : `"${escapeText(name)}"`
}

/** `5e-05`: Go's and OpenMetrics' canonical form, in which Prometheus keeps bounds whatever was written. */
function smallText(value: number): string {
  return value.toExponential().replace(/e-(\d)$/, 'e-0$1')
}

function seconds(ms: number): string {
  return String(Math.round(ms) / 1_000)
}

function numberText(value: number): string {
  if (value === Infinity) return '+Inf'
  if (value === -Infinity) return '-Inf'
  return String(value)
}
