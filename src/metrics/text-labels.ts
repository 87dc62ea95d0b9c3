import { type Family, OVERFLOW } from './family.ts'
import type { FamilySnapshot } from './family-snapshot.ts'
import { labelName, type NameStrategy } from './prometheus-names.ts'
import type { TextOptions } from './text.ts'

/** Label that marks the series of what did not fit (OpenTelemetry's `otel.metric.overflow`). */
const OVERFLOW_LABEL = 'otel_metric_overflow'

/** Writes the labels of one family's series, without braces. */
export class LabelText {
  /** `name="` of each label, a comma before it but for the first. */
  readonly #openings: readonly string[]
  /** Where two of the family's names came to be the same: for each label the first one of its name. */
  readonly #firsts: readonly number[] | undefined
  /** Labels of every series that the family has not itself, a comma before each. */
  readonly #constant: string

  constructor(family: Family, { names = 'UnderscoreEscapingWithSuffixes', labels = {} }: TextOptions) {
    const own = family.labels.map((label) => labelName(label, names))
    const firsts = own.map((name) => own.indexOf(name))
    this.#openings = own.map((name, i) => `${i === 0 ? '' : ','}${quotedName(name)}="`)
    this.#firsts = firsts.some((first, i) => first !== i) ? firsts : undefined
    const added = constantLabels(labels, names, own)
    this.#constant = added === '' ? '' : `,${added}`
  }

  of(snapshot: FamilySnapshot, id: number): string {
    const values = id === OVERFLOW ? undefined : snapshot.labelValues(id)
    if (values === undefined) return `${OVERFLOW_LABEL}="true"${this.#constant}`
    if (values.length === 0) return this.#constant.slice(1)
    if (this.#firsts !== undefined) return this.#merged(values, this.#firsts)
    let text = ''
    for (let i = 0; i < values.length; i++) text += `${this.#openings[i]!}${escapeText(values[i]!)}"`
    return text + this.#constant
  }

  /** Values of one name are joined by `;` (OpenTelemetry's specification), for a name must not stand twice. */
  #merged(values: readonly string[], firsts: readonly number[]): string {
    let text = ''
    for (let i = 0; i < values.length; i++) {
      if (firsts[i] !== i) continue
      const joined = values.filter((_, j) => firsts[j] === i).join(';')
      text += `${this.#openings[i]!}${escapeText(joined)}"`
    }
    return text + this.#constant
  }
}

/** Labels that are the same on every series. @param taken names that are not written */
export function constantLabels(
  labels: Readonly<Record<string, string>>,
  names: NameStrategy,
  taken: readonly string[] = [],
): string {
  const byName = new Map(Object.entries(labels).map(([name, value]) => [labelName(name, names), value]))
  return [...byName]
    .filter(([name]) => !taken.includes(name))
    .map(([name, value]) => `${quotedName(name)}="${escapeText(value)}"`)
    .join(',')
}

function quotedName(name: string): string {
  return /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name) ? name : `"${escapeText(name)}"`
}

/** A backslash, a quote or a line feed: almost no label value has one, so the test comes first. */
const SPECIAL = /[\\"\n]/

/** What stands between quotes, in both formats. */
export function escapeText(text: string): string {
  if (!SPECIAL.test(text)) return text
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}
