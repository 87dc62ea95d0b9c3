import { stringify } from 'yaml'
import type { Catalog } from '../pipeline/catalog.ts'
import type { Locations } from '../pipeline/config/load.ts'
import { printable } from '../pipeline/config/print.ts'
import { loadConfig } from './load-config.ts'

export interface PrintOptions {
  mode: 'redacted' | 'unredacted'
  format: 'yaml' | 'json'
}

/** The checked configuration with its defaults, as text. @throws Error with every problem */
export async function printConfig(locations: Locations, catalog: Catalog, options: PrintOptions): Promise<string> {
  const { config } = await loadConfig(locations, catalog)
  const document = printable(config, options.mode === 'redacted')
  return options.format === 'json' ? `${JSON.stringify(document, null, 2)}\n` : escapedYaml(document)
}

/** The output is a configuration again, so a `$` of a value must not become an expansion. */
function escapedYaml(document: unknown): string {
  return stringify(escaped(document), { lineWidth: 0, aliasDuplicateObjects: false })
}

function escaped(value: unknown): unknown {
  if (typeof value === 'string') return value.replaceAll('$', () => '$$')
  if (Array.isArray(value)) return value.map(escaped)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, escaped(item)]))
}
