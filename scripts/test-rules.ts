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
  const found: string[] = []
  const suites = [...source.matchAll(/^(?:export )?const (\w+) = suite(?:<[^(]*>)?\(/gm)].map((match) => match[1] ?? '')
  for (const name of suites)
    if (!new RegExp(`^\\s*${name}\\.run\\(\\)`, 'm').test(source)) found.push(`suite ${name} lacks ${name}.run()`)
  if (!/\.run\(\);?\s*$/.test(source)) found.push('does not end in .run()')
  if (/^\s*\w+\.only\(/m.test(source)) found.push('leaves .only in')
  return found
}
