import { type AddressRange, parsePrefix, rangeContains } from './addresses.ts'
import { FilterError } from './filter-error.ts'
import { parseRequirements, type Requirement } from './selector-parser.ts'

const MOST_CHARACTERS = 4_096
/** Requirements and their values in all selectors of a list of filters: each is compared with the labels of every end. */
const MOST_REQUIREMENTS = 8_192
const MOST_CHARACTERS_TOGETHER = 256 * 1_024

/** Whether a list of labels (`source:key=value`) is selected. */
export type LabelTest = (labels: readonly string[]) => boolean

/**
 * A Kubernetes label selector: `k=v`, `k==v`, `k!=v`, `k in (a,b)`, `k notin (a,b)`, `k`, `!k`, `k>1`, `k<1`, all of those
 * that a comma joins. Keys may name the source of the label (`k8s:app`, `reserved:world`); without it, as with `any:`,
 * every source counts. `cidr:10.0.0.0/8` selects what has a label of that or a narrower prefix.
 * @throws FilterError in Hubble's words
 */
export function parseSelector(text: string): LabelTest {
  return new Selectors().parse(text)
}

/** Parses the selectors of one request, which share one limit of size. */
export class Selectors {
  #left = MOST_REQUIREMENTS
  #characters = 0

  /** See {@link parseSelector}. @throws FilterError */
  parse(text: string): LabelTest {
    if (text.length > MOST_CHARACTERS)
      throw new FilterError(`label selector of ${text.length} characters, at most ${MOST_CHARACTERS} are taken`)
    this.#characters += text.length
    if (this.#characters > MOST_CHARACTERS_TOGETHER)
      throw new FilterError(`label selectors may have ${MOST_CHARACTERS_TOGETHER} characters together`)
    const requirements = parseRequirements(translate(text))
    for (const { values } of requirements) this.#left -= 1 + values.length
    if (this.#left < 0)
      throw new FilterError(`too large label selectors: together they may have ${MOST_REQUIREMENTS} keys and values`)
    const tests = requirements.map(requirementTest)
    return (labels) => {
      const parsed = parsedLabels(labels)
      return tests.every((test) => test(parsed))
    }
  }
}

/** Labels asked for last, by list: of the ends of some flows many selectors ask, one after the other. */
const parsedLately = new Map<readonly string[], readonly Label[]>()
const MOST_LISTS = 64

function parsedLabels(labels: readonly string[]): readonly Label[] {
  const known = parsedLately.get(labels)
  if (known !== undefined) return known
  if (parsedLately.size >= MOST_LISTS) parsedLately.clear()
  const parsed = labels.map(parseLabel)
  parsedLately.set(labels, parsed)
  return parsed
}

/**
 * Kubernetes' keys have no colon: the one after the source becomes a dot, and keys without source get the source `any`.
 * Errors therefore name keys as upstream's do.
 */
function translate(text: string): string {
  let out = ''
  for (let at = 0; at < text.length; ) {
    const key = skip(text, at, /[\s!]/)
    const end = skip(text, key, /[^\s=!,]/)
    const next = behindComma(text, end)
    const name = text.slice(key, end)
    out += text.slice(at, key) + (name.includes(':') ? name : `any:${name}`).replace(':', '.') + text.slice(end, next)
    at = next
  }
  return out
}

/** Where from `at` on the first character is that is none of `characters`. */
function skip(text: string, at: number, characters: RegExp): number {
  let end = at
  while (end < text.length && characters.test(text[end]!)) end++
  return end
}

/** Where the next requirement begins: behind the first comma outside parentheses. */
function behindComma(text: string, at: number): number {
  let depth = 0
  for (let i = at; i < text.length; i++) {
    if (text[i] === '(') depth++
    else if (text[i] === ')') depth--
    else if (text[i] === ',' && depth === 0) return i + 1
  }
  return text.length
}

/** Whether labels meet one requirement. */
type RequirementTest = (labels: readonly Label[]) => boolean

function requirementTest({ key, operator, values }: Requirement): RequirementTest {
  const find = lookup(key)
  switch (operator) {
    case '':
      return (labels) => find(labels) !== undefined
    case '!':
      return (labels) => find(labels) === undefined
    case '!=':
    case 'notin':
      // As in Kubernetes: what lacks the key passes.
      return (labels) => !values.includes(find(labels) ?? '\0')
    case '>':
    case '<':
      return comparison(find, operator, BigInt(values[0]!.replace('+', '')))
    default:
      return (labels) => values.includes(find(labels) ?? '\0')
  }
}

function comparison(find: Lookup, operator: '>' | '<', bound: bigint): RequirementTest {
  return (labels) => {
    const value = find(labels)
    if (value === undefined || !/^[-+]?\d{1,20}$/.test(value)) return false
    const number = BigInt(value.replace('+', ''))
    return operator === '>' ? number > bound : number < bound
  }
}

/** Value of the first label that has the key; undefined when none has. */
type Lookup = (labels: readonly Label[]) => string | undefined

/** @param translated `source.key` */
function lookup(translated: string): Lookup {
  const dot = translated.indexOf('.')
  const [source, key] = [translated.slice(0, dot), translated.slice(dot + 1)]
  const prefix = source === 'cidr' ? labelPrefix(key) : undefined
  return (labels) => {
    for (const label of labels) {
      if (source !== 'any' && label.source !== source) continue
      if (source === 'cidr' ? within(prefix, label.key) : label.key === key) return label.value
    }
    return undefined
  }
}

function within(prefix: AddressRange | undefined, key: string): boolean {
  const inner = prefix === undefined ? undefined : labelPrefix(key)
  return inner !== undefined && prefix!.bits <= inner.bits && rangeContains(prefix!, inner.version, inner.words, 0)
}

/** Labels of a prefix have `-` where an IPv6 prefix has `:`. */
function labelPrefix(key: string): AddressRange | undefined {
  try {
    return parsePrefix(key.replaceAll('-', ':'))
  } catch {
    // Such a label selects nothing, and nothing selects it.
    return undefined
  }
}

interface Label {
  source: string
  key: string
  value: string
}

/** `source:key=value`; the source may be missing, `$key` and `reserved.key` are reserved ones. */
function parseLabel(text: string): Label {
  const colon = text.indexOf(':')
  let [source, rest] = [text.slice(0, Math.max(colon, 0)), text.slice(colon + 1)]
  if (text.startsWith('$')) [source, rest] = ['reserved', text.slice(1)]
  else if (colon < 0 && text.startsWith('reserved.')) [source, rest] = ['reserved', text.slice(9)]
  const equals = rest.indexOf('=')
  if (equals < 0) return { source, key: rest, value: '' }
  if (equals === 0 && source === 'reserved') return { source, key: rest.slice(1), value: '' }
  return { source, key: rest.slice(0, equals), value: rest.slice(equals + 1) }
}
