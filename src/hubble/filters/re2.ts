import { createRequire } from 'node:module'

type Library = typeof import('re2js')['RE2JS']

let library: Library | undefined

/** RE2: Go's regular expressions, linear in the text. The library (260 KB of source) is loaded for the first one: few need it. */
export function re2(): Library {
  library ??= (createRequire(import.meta.url)('re2js') as typeof import('re2js')).RE2JS
  return library
}
