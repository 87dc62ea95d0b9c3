import { explained, FilterError } from './filter-error.ts'

/** Kubernetes' label selectors (https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors) with its parser's rules and error texts. */

/** One condition of a selector. */
export interface Requirement {
  key: string
  operator: '' | '!' | '=' | '==' | '!=' | 'in' | 'notin' | '>' | '<'
  /** One for the comparisons, none for "exists" (`''`) and "does not exist" (`!`). */
  values: readonly string[]
}

/** What is expected after a key, in the words of Kubernetes. */
const OPERATORS = 'in, notin, =, ==, !=, gt, lt'

/**
 * The requirements of a selector, all of which must hold.
 * @throws FilterError in Kubernetes' words
 */
export function parseRequirements(text: string): Requirement[] {
  const tokens = new Tokens(text)
  const requirements: Requirement[] = []
  while (tokens.next !== '') {
    if (!tokens.isWord() && tokens.next !== '!')
      throw new FilterError(`found '${tokens.next}', expected: !, identifier, or 'end of string'`)
    requirements.push(explained('unable to parse requirement', () => parseRequirement(tokens)))
    const after = tokens.take()
    if (after === '') break
    if (after !== ',') throw new FilterError(`found '${after}', expected: ',' or 'end of string'`)
    if (!tokens.isWord() && tokens.next !== '!')
      throw new FilterError(`found '${tokens.next}', expected: identifier after ','`)
  }
  return requirements
}

function parseRequirement(tokens: Tokens): Requirement {
  const absent = tokens.next === '!'
  if (absent) tokens.take()
  const key = tokens.takeWord('identifier')
  checkKey(key)
  if (absent) return { key, operator: '!', values: [] }
  if (tokens.next === '' || tokens.next === ',') return { key, operator: '', values: [] }
  const operator = parseOperator(tokens)
  const values = operator === 'in' || operator === 'notin' ? parseValues(tokens) : [parseValue(tokens)]
  values.forEach((value, i) => {
    checkValue({ index: i, key }, value, operator)
  })
  return { key, operator, values }
}

function parseOperator(tokens: Tokens): Requirement['operator'] {
  const found = tokens.take()
  switch (found) {
    case 'in':
    case 'notin':
    case '=':
    case '==':
    case '!=':
    case '>':
    case '<':
      return found
  }
  throw new FilterError(`found '${found}', expected: ${OPERATORS}`)
}

/** `(a,b)`: a value may be empty, and so may the list. */
function parseValues(tokens: Tokens): string[] {
  const open = tokens.take()
  if (open !== '(') throw new FilterError(`found '${open}' expected: '('`)
  if (!tokens.isWord() && tokens.next !== ',' && tokens.next !== ')')
    throw new FilterError(`found '${tokens.next}', expected: ',', ')' or identifier`)
  const values = new Set<string>()
  for (;;) {
    values.add(tokens.isWord() ? tokens.take() : '')
    const after = tokens.take()
    if (after === ')') return [...values].sort()
    if (after !== ',') throw new FilterError(`found '${after}', expected: ',' or ')'`)
    if (!tokens.isWord() && tokens.next !== ',' && tokens.next !== ')')
      throw new FilterError(`found '${tokens.next}', expected: ',', or identifier`)
  }
}

/** The value of a comparison; nothing is the empty value. */
function parseValue(tokens: Tokens): string {
  return tokens.next === '' || tokens.next === ',' ? '' : tokens.takeWord('identifier')
}

const NAME = /^[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?$/
const SUBDOMAIN = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/
const NAME_RULE = "alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"

function checkKey(key: string): void {
  const parts = key.split('/')
  const name = parts.at(-1)!
  const invalid = (why: string) => new FilterError(`<nil>: Invalid value: ${JSON.stringify(key)}: ${why}`)
  if (parts.length > 2)
    throw invalid(`a valid label key must consist of ${NAME_RULE} with an optional DNS subdomain prefix and '/'`)
  if (parts.length === 2 && parts[0] === '') throw invalid('prefix part must be non-empty')
  if (parts.length === 2 && (parts[0]!.length > 253 || !SUBDOMAIN.test(parts[0]!)))
    throw invalid('prefix part must be a lowercase RFC 1123 subdomain of no more than 253 bytes')
  if (name === '') throw invalid('name part must be non-empty')
  if (name.length > 63) throw invalid('name part must be no more than 63 bytes')
  if (!NAME.test(name)) throw invalid(`name part must consist of ${NAME_RULE}`)
}

function checkValue(place: { index: number; key: string }, value: string, operator: Requirement['operator']): void {
  const at = `values[${place.index}]`
  const refused = (where: string, why: string) =>
    new FilterError(`${where}: Invalid value: ${JSON.stringify(value)}: ${why}`)
  const invalid = (why: string) => refused(`${at}[${place.key}]`, why)
  if ((operator === '>' || operator === '<') && !/^[-+]?\d+$/.test(value))
    throw refused(at, "for 'Gt', 'Lt' operators, the value must be an integer")
  if (value.length > 63) throw invalid('must be no more than 63 bytes')
  if (value !== '' && !NAME.test(value))
    throw invalid(`a valid label must be an empty string or consist of ${NAME_RULE}`)
}

/** The longest symbol counts: `!=` is one, and so is `==`. */
const TOKEN = /[ \t\r\n]*([=!<>(),]|[^ \t\r\n=!<>(),]+)/y
const WORD = /[^=!<>(),]/

/** Reads a selector token by token; `''` is its end. */
class Tokens {
  readonly #text: string
  #at = 0
  /** The token that `take` gives. */
  next = ''

  constructor(text: string) {
    this.#text = text
    this.take()
  }

  /** Whether a key or a value is next: `in` and `notin` may be values, too. */
  isWord(): boolean {
    return WORD.test(this.next)
  }

  take(): string {
    const taken = this.next
    TOKEN.lastIndex = this.#at
    this.next = TOKEN.exec(this.#text)?.[1] ?? ''
    if (this.next !== '') this.#at = TOKEN.lastIndex
    if ((this.next === '=' || this.next === '!') && this.#text[this.#at] === '=') {
      this.next += '='
      this.#at++
    }
    return taken
  }

  takeWord(what: string): string {
    if (!this.isWord()) throw new FilterError(`found '${this.next}', expected: ${what}`)
    return this.take()
  }
}
