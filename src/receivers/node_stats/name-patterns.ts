/**
 * Names that match one of some shell patterns (`*` and `?`).
 * @param patterns none = every name
 */
export function namePatterns(patterns: readonly string[]): (name: string) => boolean {
  if (patterns.length === 0) return () => true
  const literal = (text: string) => text.replace(/[.+^${}()|[\]\\]/g, '\\$&')
  const body = patterns.map((pattern) => literal(pattern).replaceAll('*', '.*').replaceAll('?', '.')).join('|')
  const expression = new RegExp(`^(?:${body})$`, 's')
  return (name) => expression.test(name)
}
