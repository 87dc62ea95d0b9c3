import type { RE2JS } from 're2js'
import { FilterError } from './filter-error.ts'
import { re2 } from './re2.ts'
import { regexpSize } from './regexp-size.ts'

/** Characters of one expression, and instructions of all expressions of a list of filters: matching is linear in both. */
const MOST_CHARACTERS = 4_096
const MOST_INSTRUCTIONS = 10_000

/** Texts of which the answer is remembered, and the length up to which they are. */
const MOST_TEXTS = 1_024
const LONGEST_TEXT = 256

/** Compiles the regular expressions of one request (Go's syntax and error texts), which share one limit of size. */
export class Regexps {
  #left = MOST_INSTRUCTIONS

  /** Whether a text contains a match. @throws FilterError */
  compile(pattern: string): (text: string) => boolean {
    const regexp = this.#compile(pattern)
    return (text) => regexp.test(text)
  }

  /** Whether a whole text matches one of the expressions. @throws FilterError */
  compileExact(patterns: readonly string[]): (text: string) => boolean {
    const regexp = this.#compile(patterns.map((pattern) => `(?:${pattern})`).join('|'))
    return (text) => regexp.testExact(text)
  }

  #compile(pattern: string): RE2JS {
    if (pattern.length > MOST_CHARACTERS)
      throw new FilterError(`regular expression of ${pattern.length} characters, at most ${MOST_CHARACTERS} are taken`)
    // A guess that may be twice too high: what is too large by far is not compiled.
    const least = regexpSize(pattern) / 2
    if (least <= this.#left) {
      const regexp = compileRegexp(pattern)
      this.#left -= Math.max(regexp.programSize(), least)
      if (this.#left >= 0) return regexp
    }
    throw new FilterError(`too large regular expressions: together they may have ${MOST_INSTRUCTIONS} instructions`)
  }
}

function compileRegexp(pattern: string): RE2JS {
  try {
    return re2().compile(pattern)
  } catch (cause) {
    const { message } = cause as Error
    // Go names the part at fault, also where it is empty.
    throw new FilterError(message.endsWith('`') ? message : `${message}: \`\``, { cause })
  }
}

/** The same test, which tries each text of the last while once: flows are many, what they say are few. */
export function remembered(test: (text: string) => boolean): (text: string) => boolean {
  const answers = new Map<string, boolean>()
  return (text) => {
    if (text.length > LONGEST_TEXT) return test(text)
    const known = answers.get(text)
    if (known !== undefined) return known
    if (answers.size >= MOST_TEXTS) answers.clear()
    const answer = test(text)
    answers.set(text, answer)
    return answer
  }
}
