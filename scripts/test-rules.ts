import { readFileSync } from 'node:fs'

/**
 * What no test may do, as one line per breach: uvu passes silently when a suite lacks `.run()`, and a forgotten `.only` hides all
 * other tests of its file.
 * @param files test files, readable paths
 */
export function breachesOf(files: readonly string[]): string[] {
  return files.flatMap((file) => breaches(readFileSync(file, 'utf8')).map((breach) => `${file}: ${breach}`))
}

/** The breaches of one test file's text. */
export function breaches(source: string): string[] {
  const suites = [...source.matchAll(/^\s*(?:export )?const (\w+) = suite(?:<.*>)?\(/gm)].map((match) => match[1] ?? '')
  if (/^import \{.*\btest\b.*\} from 'uvu'/m.test(source)) suites.push('test')
  if (suites.length === 0) return ['has no suite']
  const found = suites.filter((name) => !new RegExp(`^\\s*${name}\\.run\\(\\)`, 'm').test(source))
  const breaches = found.map((name) => `suite ${name} lacks ${name}.run()`)
  return /^\s*\w+\.only\(/m.test(source) ? [...breaches, 'leaves .only in'] : breaches
}
