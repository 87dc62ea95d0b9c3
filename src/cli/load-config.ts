import type { Catalog } from '../pipeline/catalog.ts'
import { type Locations, loadTree } from '../pipeline/config/load.ts'
import { ConfigError } from '../pipeline/config/problem.ts'
import { resolveConfig } from '../pipeline/config/resolve.ts'
import type { ResolvedConfig } from '../pipeline/config/resolved.ts'
import { formatPlace } from '../pipeline/config/tree.ts'

export interface LoadedConfig {
  config: ResolvedConfig
  /** Files it came from. */
  files: readonly string[]
  /** One line for each variable that is not set and has no default. */
  warnings: readonly string[]
}

/** Loads and checks a configuration. @throws Error with one line for each problem */
export async function loadConfig(locations: Locations, catalog: Catalog): Promise<LoadedConfig> {
  try {
    const { tree, unset, files } = loadTree(locations)
    const warnings = unset.map(
      ({ name, place }) =>
        `Configuration references unset environment variable ${JSON.stringify(name)} (${formatPlace(place)})`,
    )
    return { config: await resolveConfig(tree, catalog), files, warnings }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const lines = error.message.split('\n')
    const message =
      lines.length === 1 ? `invalid configuration: ${lines[0]}` : `invalid configuration:\n  ${lines.join('\n  ')}`
    throw new Error(message, { cause: error })
  }
}
