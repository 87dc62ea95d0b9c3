import type { EndpointView } from '../pipeline/component.ts'

/** The block that tells a newcomer what now serves where; `''` when nothing does. */
export function whereToLook(endpoints: readonly EndpointView[]): string {
  if (endpoints.length === 0) return ''
  const width = Math.max(...endpoints.map(({ name }) => name.length))
  const lines = endpoints.map(({ name, url, hint }) => {
    const first = `  ${name.padEnd(width)}  ${url}`
    return hint === '' ? first : `${first}\n  ${' '.repeat(width)}  ${hint}`
  })
  return `\nWhere to look next:\n${lines.join('\n')}\n\n`
}
