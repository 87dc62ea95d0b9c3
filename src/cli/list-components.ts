import { stringify } from 'yaml'
import type { Catalog } from '../pipeline/catalog.ts'
import { SCHEMES } from '../pipeline/config/provider.ts'
import { KINDS, SECTIONS } from '../pipeline/config/resolved.ts'
import { VERSION } from '../pipeline/version.ts'

/** YAML of every component with its signals, and of the schemes that `--config` and `${…}` know. */
export async function listComponents(catalog: Catalog): Promise<string> {
  const list: Record<string, unknown> = { buildinfo: { command: 'fovea', version: VERSION } }
  for (const kind of KINDS) {
    const entries = catalog.entries.filter((entry) => entry.kind === kind)
    list[SECTIONS[kind]] = await Promise.all(
      entries.map(async ({ type, aliases = [], load }) => ({
        name: type,
        ...(aliases.length === 0 ? {} : { aliases }),
        ...signals(await load()),
      })),
    )
  }
  list.providers = SCHEMES.map((scheme) => ({ scheme }))
  return stringify(list)
}

function signals(factory: object): { signals?: string[] } {
  if ('flowsToMetrics' in factory) return { signals: ['flows to metrics'] }
  const known = ['flows', 'metrics'].filter((signal) => signal in factory)
  return known.length === 0 ? {} : { signals: known }
}
