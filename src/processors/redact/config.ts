import type { ConfigSpec, Problem } from '../../pipeline/component.ts'
import { NameRules } from './names.ts'
import type { Redactor } from './redacted.ts'
import { REDACTED } from './redacted.ts'
import { redactUrl } from './url.ts'

/** Settings of the `redact` processor. */
export interface RedactConfig {
  http: {
    url_query: boolean
    user_info: boolean
    headers: { allow: string[]; deny: string[] }
  }
  dns: { names: string[]; expressions: string[] }
}

export const redactConfig: ConfigSpec<RedactConfig> = {
  schema: {
    http: {
      url_query: { doc: 'take query and fragment out of URLs', format: Boolean, default: false },
      user_info: { doc: 'replace passwords in URLs; the user stays', format: Boolean, default: true },
      headers: {
        allow: {
          doc: 'headers that keep their values, those of all others are replaced; of any case',
          format: 'string-list',
          default: [],
        },
        deny: {
          doc: 'headers whose values are replaced, all others keep theirs; without either list all are replaced',
          format: 'string-list',
          default: [],
        },
      },
    },
    dns: {
      names: {
        doc: 'DNS names that are replaced, of any case; * = any run of characters',
        format: 'string-list',
        default: [],
      },
      expressions: {
        doc: 'regular expressions (RE2); DNS names in which one is found are replaced',
        format: 'string-list',
        default: [],
      },
    },
  },
  check: checkRedact,
}

function checkRedact({ http: { headers }, dns }: RedactConfig): Problem[] {
  const problems: Problem[] = []
  if (headers.allow.length > 0 && headers.deny.length > 0) {
    problems.push({ path: ['http', 'headers'], message: 'takes "allow" or "deny", not both' })
  }
  dns.names.forEach((name, i) => {
    if (name.trim() === '') problems.push({ path: ['dns', 'names', String(i)], message: 'must not be empty' })
  })
  dns.expressions.forEach((expression, i) => {
    const message = expressionProblem(expression)
    if (message !== undefined) problems.push({ path: ['dns', 'expressions', String(i)], message })
  })
  return problems
}

function expressionProblem(expression: string): string | undefined {
  if (expression === '') return 'must not be empty: it would be found in every name'
  try {
    new NameRules([], [expression])
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

/** What the settings say, as functions. */
export function makeRedactor({ http, dns }: RedactConfig): Redactor {
  const rules = { query: http.url_query, userInfo: http.user_info }
  const lower = (list: readonly string[]) => new Set(list.map((name) => name.trim().toLowerCase()))
  const [allow, deny] = [lower(http.headers.allow), lower(http.headers.deny)]
  const names = new NameRules(dns.names, dns.expressions)
  return {
    url: (url) => redactUrl(url, rules),
    header: (key, value) => {
      const name = key.toLowerCase()
      const kept = deny.size > 0 ? !deny.has(name) : allow.has(name)
      return kept ? value : REDACTED
    },
    names: (joined) => names.redact(joined),
    redactsNames: !names.none,
  }
}
