import { END_LABELS, IDENTIFIERS } from './identifiers.ts'

/** Identifiers of one label, the first that says something counts; `ingress` and `egress` in place of `both` where they are not empty. */
export interface DirectedList {
  readonly both: readonly string[]
  readonly ingress: readonly string[]
  readonly egress: readonly string[]
}

/** Hubble's context options of one metric, checked. */
export interface ContextOptions {
  /** Labels of `labelsContext`, in Hubble's order. */
  readonly labels: readonly string[]
  readonly source: DirectedList
  readonly destination: DirectedList
}

const DIRECTION_LABEL = 'traffic_direction'

/** Every label of `labelsContext`, in Hubble's order. */
export const CONTEXT_LABELS: readonly string[] = [...labelsOf('source'), ...labelsOf('destination'), DIRECTION_LABEL]

/** Names of the context options in lower case, as every metric takes them. */
export const CONTEXT_OPTIONS: Readonly<Record<string, string>> = {
  sourcecontext: 'adds the label "source": identifiers, the first that says something counts',
  sourceingresscontext: 'the same for ingress alone',
  sourceegresscontext: 'the same for egress alone',
  destinationcontext: 'adds the label "destination"',
  destinationingresscontext: 'the same for ingress alone',
  destinationegresscontext: 'the same for egress alone',
  labelscontext: `adds labels of both ends: ${CONTEXT_LABELS.join(', ')}`,
}

/**
 * Reads the context options of a metric; others are left alone.
 * @param options names in lower case @throws Error as Hubble words it, with what is allowed
 */
export function readContexts(options: ReadonlyMap<string, readonly string[]>): ContextOptions {
  const wanted = options.get('labelscontext') ?? []
  for (const label of wanted) {
    if (CONTEXT_LABELS.includes(label)) continue
    throw new Error(`invalid labelsContext value: ${label} (valid values: [${CONTEXT_LABELS.join(' ')}])`)
  }
  const labels = CONTEXT_LABELS.filter((label) => wanted.includes(label))
  return { labels, source: directedList(options, 'source'), destination: directedList(options, 'destination') }
}

/** Whether the label of these lists is there at all. */
export function isUsed({ both, ingress, egress }: DirectedList): boolean {
  return both.length + ingress.length + egress.length > 0
}

function directedList(options: ReadonlyMap<string, readonly string[]>, end: 'source' | 'destination'): DirectedList {
  const list = (direction: string) => (options.get(`${end}${direction}context`) ?? []).map(identifier)
  return { both: list(''), ingress: list('ingress'), egress: list('egress') }
}

function identifier(written: string): string {
  const name = written.toLowerCase()
  if (IDENTIFIERS.includes(name)) return name
  throw new Error(`unknown context '${written}' (valid values: [${IDENTIFIERS.join(' ')}])`)
}

function labelsOf(end: string): string[] {
  return ['ip', ...Object.keys(END_LABELS)].map((label) => `${end}_${label}`)
}
