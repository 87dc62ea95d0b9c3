import type { Tree } from './tree.ts'

/**
 * `over` laid on `base`, as the Collector does it: maps join key by key at every depth, lists are replaced whole, and a
 * key without value (null) wipes what stood there. Neither argument is changed.
 */
export function merge(base: Tree, over: Tree): Tree {
  if (base.is !== 'map' || over.is !== 'map') return over
  const entries = new Map(base.entries)
  for (const [key, entry] of over.entries) {
    const below = entries.get(key)
    entries.set(key, below === undefined ? entry : { keyPlace: entry.keyPlace, value: merge(below.value, entry.value) })
  }
  return { ...base, entries }
}
