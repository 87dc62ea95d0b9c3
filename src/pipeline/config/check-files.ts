import { constants } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import type { PlacedProblem } from './problem.ts'
import { KINDS, type ResolvedConfig, SECTIONS } from './resolved.ts'
import { formatName, isSection, type SchemaSection, settingOf } from './schema.ts'
import { nearest } from './tree.ts'

/** Files that settings of the format `file` name and that cannot be read. Sections that are off are left out. */
export async function unreadableFiles(config: ResolvedConfig): Promise<PlacedProblem[]> {
  const problems: PlacedProblem[] = []
  for (const kind of KINDS) {
    for (const { id, factory, config: settings, tree } of config.components[kind].values()) {
      for (const [path, file] of filesOf(factory.config.schema as SchemaSection, settings as Record<string, unknown>)) {
        const message = await reasonUnreadable(file)
        const place = nearest(tree, path).place
        if (message !== undefined) problems.push({ path: [SECTIONS[kind], id, ...path], message, place })
      }
    }
  }
  return problems
}

function* filesOf(
  section: SchemaSection,
  values: Record<string, unknown>,
  path: readonly string[] = [],
): Generator<[path: readonly string[], file: string]> {
  if (values.enabled === false) return
  for (const [key, node] of Object.entries(section)) {
    const value = values[key]
    if (isSection(node)) yield* filesOf(node, value as Record<string, unknown>, [...path, key])
    else if (formatName(settingOf(node)) === 'file' && typeof value === 'string' && value !== '')
      yield [[...path, key], value]
  }
}

async function reasonUnreadable(file: string): Promise<string | undefined> {
  try {
    await access(file, constants.R_OK)
    return (await stat(file)).isDirectory() ? `${JSON.stringify(file)} is a folder` : undefined
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT'
    return missing ? `there is no file ${JSON.stringify(file)}` : `the file ${JSON.stringify(file)} cannot be read`
  }
}
