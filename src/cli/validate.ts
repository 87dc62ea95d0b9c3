import type { Catalog } from '../pipeline/catalog.ts'
import { unreadableFiles } from '../pipeline/config/check-files.ts'
import type { Locations } from '../pipeline/config/load.ts'
import { ConfigError } from '../pipeline/config/problem.ts'
import { loadConfig } from './load-config.ts'

/** Checks a configuration without starting anything; silent when it is good. @throws Error with every problem */
export async function validate(locations: Locations, catalog: Catalog, checkFiles: boolean): Promise<void> {
  const { config, warnings } = await loadConfig(locations, catalog)
  for (const warning of warnings) process.stderr.write(`Warning: ${warning}\n`)
  const problems = checkFiles ? await unreadableFiles(config) : []
  if (problems.length > 0) throw new ConfigError(problems)
}
