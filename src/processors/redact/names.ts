import { re2 } from '../../hubble/filters/re2.ts'
import { remembered } from '../../hubble/filters/regexps.ts'
import { REDACTED } from './redacted.ts'

/** Finds DNS names that must not leave: by glob, or by regular expression (RE2). */
export class NameRules {
  /** Whether there is no rule. */
  readonly none: boolean
  readonly #matches: (name: string) => boolean

  /**
   * @param globs of whole names, of any case, a trailing dot does not count; `*` = any run of characters
   * @param expressions found anywhere in a name, with or without its trailing dot
   * @throws RE2JSSyntaxException
   */
  constructor(globs: readonly string[], expressions: readonly string[]) {
    const patterns = [...globs.map(globPattern), ...expressions].map((pattern) => re2().compile(pattern))
    this.none = patterns.length === 0
    this.#matches = remembered((name) => {
      const bare = name.replace(/\.$/, '')
      const forms = [name, bare, name.toLowerCase(), bare.toLowerCase()]
      return patterns.some((pattern) => forms.some((form) => pattern.test(form)))
    })
  }

  /** Names joined by `,` with each one that matches replaced. */
  redact(joined: string): string {
    if (this.none || joined === '') return joined
    if (!joined.includes(',')) return this.#matches(joined) ? REDACTED : joined
    return joined
      .split(',')
      .map((name) => (this.#matches(name) ? REDACTED : name))
      .join(',')
  }
}

function globPattern(glob: string): string {
  const parts = glob
    .trim()
    .toLowerCase()
    .replace(/\.$/, '')
    .split('*')
    .map((part) => re2().quote(part))
  return `^(?s:${parts.join('.*')})$`
}
