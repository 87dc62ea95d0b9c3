import { readDocument } from '../../src/pipeline/config/document.ts'
import type { Surroundings } from '../../src/pipeline/config/provider.ts'
import type { Tree } from '../../src/pipeline/config/tree.ts'

/** A document as a tree; throws when it has problems. */
export function treeOf(text: string, name = 'test.yaml', order = 0): Tree {
  const { tree, problems } = readDocument(text, { name, order })
  if (tree === undefined || problems.length > 0) throw new Error(JSON.stringify(problems))
  return tree
}

/** Variables and files as a test sets them; nothing of the real machine. */
export function surroundingsOf(
  env: Readonly<Record<string, string>>,
  files: Readonly<Record<string, string>> = {},
): Surroundings {
  return {
    env,
    readFile: (path) => {
      const text = files[path]
      if (text !== undefined) return text
      throw Object.assign(new Error(`ENOENT: no such file or directory, open '${path}'`), { code: 'ENOENT' })
    },
  }
}
