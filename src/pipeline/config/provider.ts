import { readFileSync } from 'node:fs'

/** Where text of a configuration comes from: `file:`, `env:` and `yaml:`, for whole documents and for `${…}`. */

/** What providers read; tests give their own. */
export interface Surroundings {
  env: Readonly<Record<string, string | undefined>>
  readFile(path: string): string
}

export const REAL_SURROUNDINGS: Surroundings = {
  env: process.env,
  readFile: (path) => readFileSync(path, 'utf8'),
}

export type Provided = { text: string; unset?: string }

const VARIABLE = /^[a-zA-Z_][a-zA-Z0-9_]*$/

/** Schemes with what they do, as `fovea components` lists them. */
export const SCHEMES = ['env', 'file', 'yaml'] as const

/** `${scheme:rest}` without its brackets: `env:HOME`, `HOME`, `file:/token`. @throws Error that says what is wrong */
export function provideValue(uri: string, surroundings: Surroundings): Provided {
  const [scheme, rest] = splitScheme(uri)
  if (rest.includes('$'))
    throw new Error(`the uri ${JSON.stringify(`${scheme}:${rest}`)} contains unsupported characters ('$')`)
  if (scheme === 'env') return provideVariable(rest, surroundings)
  if (scheme === 'yaml') return { text: rest }
  // A mounted secret ends with a newline that nobody means; inside a header it would break every request.
  if (scheme === 'file') return { text: readText(rest, surroundings).replace(/\r?\n$/, '') }
  throw new Error(
    `scheme ${JSON.stringify(scheme)} is not supported for uri ${JSON.stringify(uri)} (valid schemes: ${SCHEMES.join(', ')})`,
  )
}

/** A file's text. @throws Error in the Collector's words */
export function readText(path: string, surroundings: Surroundings): string {
  try {
    return surroundings.readFile(path)
  } catch (cause) {
    throw new Error(`unable to read the file file:${path}: ${fileReason(cause, path)}`, { cause })
  }
}

/** No scheme means a variable, also with a default: `${HOST:-localhost}`. */
function splitScheme(uri: string): [scheme: string, rest: string] {
  const match = /^([A-Za-z][A-Za-z0-9+.-]+):(.*)$/s.exec(uri)
  if (match === null || /^[a-zA-Z_][a-zA-Z0-9_]*:-/.test(uri)) return ['env', uri]
  return [match[1] ?? '', match[2] ?? '']
}

/** The default stands in for an unset variable only, not for an empty one. */
function provideVariable(rest: string, { env }: Surroundings): Provided {
  const cut = rest.indexOf(':-')
  const name = cut < 0 ? rest : rest.slice(0, cut)
  if (!VARIABLE.test(name)) {
    throw new Error(
      `environment variable ${JSON.stringify(name)} has invalid name: must match regex ${VARIABLE.source}`,
    )
  }
  const value = env[name]
  if (value !== undefined) return { text: value }
  return cut < 0 ? { text: '', unset: name } : { text: rest.slice(cut + 2) }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  EACCES: 'permission denied',
  EISDIR: 'is a directory',
  ENOTDIR: 'not a directory',
}

function fileReason(cause: unknown, path: string): string {
  const code = (cause as NodeJS.ErrnoException).code
  const reason = code === undefined ? undefined : REASONS[code]
  return reason === undefined ? String(cause) : `open ${path}: ${reason}`
}
