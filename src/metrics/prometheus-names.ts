import type { Family } from './family.ts'

/**
 * Names of OpenTelemetry as Prometheus' users know them: rules of "Prometheus and OpenMetrics Compatibility" in
 * OpenTelemetry's specification, strategies by the names that Prometheus and the Collector give them.
 */

export const NAME_STRATEGIES = [
  'UnderscoreEscapingWithSuffixes',
  'UnderscoreEscapingWithoutSuffixes',
  'NoUTF8EscapingWithSuffixes',
  'NoTranslation',
] as const

export type NameStrategy = (typeof NAME_STRATEGIES)[number]

/** Whether a strategy adds units and `_total`. */
function addsSuffixes(strategy: NameStrategy): boolean {
  return strategy.endsWith('WithSuffixes')
}

/** Whether a strategy leaves characters that only new scrapers read. */
export function keepsUtf8(strategy: NameStrategy): boolean {
  return strategy === 'NoUTF8EscapingWithSuffixes' || strategy === 'NoTranslation'
}

/** The strategy that writes the same in ASCII, for scrapers that read nothing else. */
export function escaped(strategy: NameStrategy): NameStrategy {
  return addsSuffixes(strategy) ? 'UnderscoreEscapingWithSuffixes' : 'UnderscoreEscapingWithoutSuffixes'
}

/** Words for UCUM's codes. */
const UNITS: Readonly<Record<string, string>> = {
  d: 'days',
  h: 'hours',
  min: 'minutes',
  s: 'seconds',
  ms: 'milliseconds',
  us: 'microseconds',
  ns: 'nanoseconds',
  By: 'bytes',
  KiBy: 'kibibytes',
  MiBy: 'mebibytes',
  GiBy: 'gibibytes',
  Hz: 'hertz',
  Cel: 'celsius',
  V: 'volts',
  A: 'amperes',
  W: 'watts',
  J: 'joules',
  '%': 'percent',
}

/** Words for what stands below a fraction's line. */
const PER: Readonly<Record<string, string>> = { s: 'second', min: 'minute', h: 'hour', d: 'day' }

/** `By` → `bytes`, `By/s` → `bytes_per_second`, `1` of a gauge → `ratio`; annotations (`{packet}`) are no unit. */
export function unitWord({ unit, kind }: Pick<Family, 'unit' | 'kind'>): string {
  if (unit === '1') return kind === 'gauge' ? 'ratio' : ''
  const [above = '', below = ''] = unit.split('/', 2).map((part) => part.trim().replace(/\{[^}]*\}/g, ''))
  const word = (code: string, words: Readonly<Record<string, string>>) => words[code] ?? legalName(code, /\W/g)
  const per = below === '' ? '' : `per_${word(below, PER)}`
  return [above === '' ? '' : word(above, UNITS), per].filter((part) => part !== '').join('_')
}

/** Name of a family's samples, and its name in OpenMetrics' metadata: of a counter the same without `_total`. */
export interface MetricNames {
  sample: string
  plain: string
}

/** @param namespace stands before every name; `''` = nothing does */
export function metricNames(family: Family, strategy: NameStrategy, namespace = ''): MetricNames {
  const counter = family.kind === 'counter'
  const whole = namespace === '' ? family.name : `${namespace}_${family.name}`
  const name = keepsUtf8(strategy) ? whole : legalName(whole, /[^a-zA-Z0-9_:]/g)
  if (!addsSuffixes(strategy)) return { sample: name, plain: counter ? withoutTotal(name) : name }
  const plain = withUnit(counter ? withoutTotal(name) : name, unitWord(family))
  return { sample: counter ? `${plain}_total` : plain, plain }
}

/** A label's name. */
export function labelName(name: string, strategy: NameStrategy): string {
  return keepsUtf8(strategy) ? name : legalName(name, /[^a-zA-Z0-9_]/g)
}

/** Whether every scraper reads a metric's name without quotes. */
export function isPlainName(name: string): boolean {
  return /^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name)
}

/** Underscores for characters that names of Prometheus' text format lack. */
function legalName(name: string, illegal: RegExp): string {
  const legal = name.replace(illegal, '_')
  return /^[0-9]/.test(legal) ? `_${legal}` : legal
}

function withoutTotal(name: string): string {
  return name.replace(/_total$/, '')
}

/** A name that has the words of its unit already stays as it is. */
function withUnit(name: string, unit: string): string {
  return unit === '' || `_${name.replace(/\W/g, '_')}_`.includes(`_${unit}_`) ? name : `${name}_${unit}`
}
