import { readDocument } from './document.ts'
import type { PlacedProblem } from './problem.ts'
import { provideValue, type Surroundings } from './provider.ts'
import type { Place, Scalar, Tree } from './tree.ts'

/** Expansions of one value, as in the Collector. */
const MAX_EXPANSIONS = 1_000

/** An unset variable without a default: the value is empty, and a warning is due. */
export interface UnsetVariable {
  name: string
  place: Place
}

export interface Expanded {
  tree: Tree
  problems: PlacedProblem[]
  unset: UnsetVariable[]
}

/** Replaces every `${…}` of the tree, then `$$` by `$`. Keys are left alone. */
export function expand(tree: Tree, surroundings: Surroundings): Expanded {
  const expander = new Expander(surroundings)
  return { tree: expander.tree(tree, [], 0), problems: expander.problems, unset: expander.unset }
}

class Expander {
  readonly problems: PlacedProblem[] = []
  readonly unset: UnsetVariable[] = []
  #surroundings: Surroundings

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings
  }

  /** @param spent expansions that led to this value */
  tree(tree: Tree, path: readonly string[], spent: number): Tree {
    if (tree.is === 'list') {
      return { ...tree, items: tree.items.map((item, i) => this.tree(item, [...path, String(i)], spent)) }
    }
    if (tree.is === 'map') {
      const entries = [...tree.entries].map(
        ([key, entry]) => [key, { ...entry, value: this.tree(entry.value, [...path, key], spent) }] as const,
      )
      return { ...tree, entries: new Map(entries) }
    }
    if (typeof tree.value !== 'string') return tree
    try {
      return this.#scalar(tree, path, spent)
    } catch (error) {
      this.problems.push({ path, message: (error as Error).message, place: tree.place })
      return { ...tree, value: null, text: '' }
    }
  }

  /** A value that is one `${…}` and nothing else may become anything; otherwise texts are put together. */
  #scalar(scalar: Scalar, path: readonly string[], spent: number): Tree {
    let text = String(scalar.value)
    let { place, expanded } = scalar
    for (let i = spent; i < MAX_EXPANSIONS; i++) {
      const found = findUri(text)
      if (found === undefined) return { ...scalar, value: unescaped(text), text: unescaped(text), place, expanded }
      const uri = text.slice(found.start + 2, found.end - 1)
      const provided = this.#provide(uri, scalar.place)
      if (found.start > 0 || found.end < text.length) {
        text = text.slice(0, found.start) + provided + text.slice(found.end)
        continue
      }
      place = { ...scalar.place, via: uri.slice(0, 60) }
      expanded = true
      const typed = readTyped(provided, place)
      if (typed !== undefined) return this.#typed(typed, provided, path, i + 1)
      text = provided
    }
    throw new Error('too many recursive expansions')
  }

  /** What a variable says as YAML: its own `${…}` are expanded too, and its text is kept for settings that want text. */
  #typed(typed: Tree, text: string, path: readonly string[], spent: number): Tree {
    if (typed.is === 'scalar') return { ...typed, text, expanded: true }
    const inside = this.tree(typed, path, spent)
    return { ...inside, text: this.#text(text, typed.place, spent) }
  }

  #text(text: string, place: Place, spent: number): string {
    for (let i = spent; i < MAX_EXPANSIONS; i++) {
      const found = findUri(text)
      if (found === undefined) return unescaped(text)
      const provided = this.#provide(text.slice(found.start + 2, found.end - 1), place)
      text = text.slice(0, found.start) + provided + text.slice(found.end)
    }
    throw new Error('too many recursive expansions')
  }

  #provide(uri: string, place: Place): string {
    const { text, unset } = provideValue(uri, this.#surroundings)
    if (unset !== undefined) this.unset.push({ name: unset, place })
    return text
  }
}

/** The innermost first `${…}`: the first `}` and the last `${` before it, unless an odd number of `$` escapes it. */
function findUri(text: string): { start: number; end: number } | undefined {
  let from = 0
  for (let close = text.indexOf('}'); close >= 0; close = text.indexOf('}', from)) {
    const open = text.slice(from, close).lastIndexOf('${')
    if (open >= 0 && !isEscaped(text, from, from + open)) return { start: from + open, end: close + 1 }
    from = close + 1
  }
  return undefined
}

function isEscaped(text: string, from: number, open: number): boolean {
  let dollars = 0
  while (open - 1 - dollars >= from && text[open - 1 - dollars] === '$') dollars++
  return dollars % 2 === 1
}

function unescaped(text: string): string {
  return text.replaceAll('$$', () => '$')
}

/** The text as YAML; `undefined` where that is text again, which then is taken as it is, or no YAML at all. */
function readTyped(text: string, place: Place): Tree | undefined {
  const { tree, problems } = readDocument(text, place.source)
  if (tree === undefined || problems.length > 0) return undefined
  return tree.is === 'scalar' && typeof tree.value === 'string' ? undefined : moved(tree, place)
}

/** Everything inside the value is reported where its `${…}` stands. */
function moved(tree: Tree, place: Place): Tree {
  if (tree.is === 'list') return { ...tree, place, items: tree.items.map((item) => moved(item, place)) }
  if (tree.is === 'scalar') return { ...tree, place, expanded: true }
  const entries = [...tree.entries].map(
    ([key, { value }]) => [key, { keyPlace: place, value: moved(value, place) }] as const,
  )
  return { ...tree, place, entries: new Map(entries) }
}
