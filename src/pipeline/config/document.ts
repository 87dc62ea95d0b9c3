import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument } from 'yaml'
import type { PlacedProblem } from './problem.ts'
import type { Entry, Place, Scalar, Section, Source, Tree } from './tree.ts'

/** Nodes of one document, aliases resolved: a few lines of YAML can stand for millions of nodes. */
const MAX_NODES = 100_000

/** Levels of one document. */
const MAX_DEPTH = 100

/** Reads one YAML document. Keys with `::` become levels, as in the Collector. */
export function readDocument(text: string, source: Source): { tree: Tree | undefined; problems: PlacedProblem[] } {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false })
  const at = (offset: number): Place => {
    const { line, col } = lines.linePos(offset)
    return { source, line: Math.max(line, 1), column: Math.max(col, 1) }
  }
  const problems = document.errors.map(({ message, pos }) => ({
    path: [],
    message: `not valid YAML: ${message}`,
    place: at(pos[0]),
  }))
  if (problems.length > 0) return { tree: undefined, problems }
  try {
    const reader = new TreeReader(document, at)
    return { tree: reader.read(document.contents, at(0), 0), problems: reader.problems }
  } catch (error) {
    return { tree: undefined, problems: [{ path: [], message: (error as Error).message, place: at(0) }] }
  }
}

class TreeReader {
  readonly problems: PlacedProblem[] = []
  #document: Document
  #at: (offset: number) => Place
  #nodes = 0

  constructor(document: Document, at: (offset: number) => Place) {
    this.#document = document
    this.#at = at
  }

  /** @throws Error when the document is too large or too deep */
  read(node: unknown, parent: Place, depth: number): Tree {
    if (++this.#nodes > MAX_NODES) throw new Error(`the document has more than ${MAX_NODES} values, aliases counted`)
    if (depth > MAX_DEPTH) throw new Error(`the document is more than ${MAX_DEPTH} levels deep`)
    const offset = (node as Node | null)?.range?.[0]
    const place = offset === undefined ? parent : this.#at(offset)
    if (isAlias(node)) return this.read(node.resolve(this.#document), place, depth + 1)
    if (isMap(node)) return this.#map(node.items as Pair[], place, depth)
    if (isSeq(node)) return { is: 'list', items: node.items.map((item) => this.read(item, place, depth + 1)), place }
    return scalar(isScalar(node) ? node.value : null, isScalar(node) ? node.source : undefined, place)
  }

  #map(pairs: readonly Pair[], place: Place, depth: number): Section {
    const section: Section = { is: 'map', entries: new Map(), place }
    const written = new Set<string | undefined>()
    for (const pair of pairs) {
      const keyPlace = this.#keyPlace(pair, place)
      const key = keyText(pair.key)
      if (key !== undefined && written.has(key)) this.#standsTwice(key, keyPlace)
      written.add(key)
      if (key === undefined) this.problems.push({ path: [], message: 'a key must be plain text', place: keyPlace })
      else if (key === '<<') this.#mergeKey(section, this.read(pair.value, keyPlace, depth + 1))
      else this.#insert(section, key.split('::'), { keyPlace, value: this.read(pair.value, keyPlace, depth + 1) })
    }
    return section
  }

  /** Told here, not by the YAML library, which neither names the key nor, after a key without value, its line. */
  #standsTwice(key: string, place: Place): void {
    this.problems.push({ path: [], message: `the key ${JSON.stringify(key)} stands twice in this map`, place })
  }

  #keyPlace(pair: Pair, parent: Place): Place {
    const offset = (pair.key as Node | null)?.range?.[0]
    return offset === undefined ? parent : this.#at(offset)
  }

  /** YAML's merge key: what the map itself says wins. */
  #mergeKey(section: Section, merged: Tree): void {
    const maps = merged.is === 'list' ? merged.items : [merged]
    for (const map of maps) {
      if (map.is !== 'map') this.problems.push({ path: [], message: '<<: takes a map', place: map.place })
      else for (const [key, entry] of map.entries) if (!section.entries.has(key)) section.entries.set(key, entry)
    }
  }

  #insert(section: Section, path: readonly string[], entry: Entry): void {
    const [key = '', ...rest] = path.map((part) => part.trim())
    if (rest.length === 0) {
      section.entries.set(key, entry)
      return
    }
    const known = section.entries.get(key)?.value
    const child: Section = known?.is === 'map' ? known : { is: 'map', entries: new Map(), place: entry.keyPlace }
    section.entries.set(key, { keyPlace: entry.keyPlace, value: child })
    this.#insert(child, rest, entry)
  }
}

/** Text and numbers are keys (`1:` is the key `1`), nothing else. */
function keyText(key: unknown): string | undefined {
  if (!isScalar(key)) return undefined
  return typeof key.value === 'string' ? key.value : key.value === null ? undefined : (key.source ?? String(key.value))
}

function scalar(value: unknown, text: string | undefined, place: Place): Scalar {
  const known = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : null
  return { is: 'scalar', value: known, text: text ?? (known === null ? '' : String(known)), expanded: false, place }
}
