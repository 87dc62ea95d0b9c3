import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './checkout.ts'

/** Settings and their defaults as the table of a component's README tells them. @param folder below src/ */
export function readmeSettings(folder: string): Record<string, string> {
  const text = readFileSync(join(root, 'src', folder, 'README.md'), 'utf8')
  const settings: Record<string, string> = {}
  const table = text.slice(text.indexOf('| Setting'))
  for (const line of table.slice(0, table.indexOf('\n\n')).split('\n').slice(2)) {
    const [name, value] = line
      .split('|')
      .slice(1)
      .map((cell) => cell.trim().replace(/^`(.*)`$/, '$1'))
    if (name !== undefined && value !== undefined) settings[name] = value
  }
  return settings
}

/** Settings and their defaults as a convict schema of one level tells them. */
export function schemaSettings(schema: object): Record<string, string> {
  const entries = Object.entries(schema as Record<string, { default: unknown }>)
  return Object.fromEntries(entries.map(([name, leaf]) => [name, leaf.default === '' ? '""' : String(leaf.default)]))
}
