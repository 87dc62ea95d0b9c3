import type { ASTNode } from '@marcbachmann/cel-js'
import { FilterError } from './filter-error.ts'

/** Bounds of what an expression may cost for one flow: nothing stops it while it runs. */

/** Most steps of all expressions of a request, where lists of flows have {@link USUAL_LENGTH} values. */
const MOST_STEPS = 5_000
/** Of each expression besides its own. */
const CALL_STEPS = 10
const USUAL_LENGTH = 32

/** Functions of CEL's standard, and the steps they count; the library has more of them, which Hubble does not know. */
const STEPS: Readonly<Record<string, number>> = {
  has: 1,
  all: 1,
  exists: 1,
  exists_one: 1,
  map: 1,
  filter: 1,
  size: 4,
  contains: 4,
  startsWith: 1,
  endsWith: 1,
  matches: 20,
  type: 1,
  dyn: 1,
  int: 2,
  uint: 2,
  double: 2,
  string: 2,
  bool: 2,
  bytes: 4,
  timestamp: 10,
  duration: 10,
  // With a time zone they format the whole date.
  getDate: 400,
  getDayOfMonth: 400,
  getDayOfWeek: 400,
  getDayOfYear: 400,
  getFullYear: 400,
  getHours: 400,
  getMilliseconds: 400,
  getMinutes: 400,
  getMonth: 400,
  getSeconds: 400,
}

const LOOPS: ReadonlySet<string> = new Set(['all', 'exists', 'exists_one', 'map', 'filter'])

/** What the expressions of one request may cost together. */
export class CelSteps {
  #taken = 0

  /** @throws FilterError for an expression that costs too much, or calls what is no function of CEL's standard */
  take(expression: ASTNode): void {
    this.#taken += CALL_STEPS + cost(expression)
    if (this.#taken > MOST_STEPS)
      throw new FilterError(`expressions may take ${this.#taken} steps for one flow, at most ${MOST_STEPS} are taken`)
  }
}

function cost(node: ASTNode): number {
  if (node.op !== 'call' && node.op !== 'rcall') return 1 + sum(children(node))
  const name = node.args[0]
  const steps = Object.hasOwn(STEPS, name) ? STEPS[name]! : undefined
  if (steps === undefined) throw new FilterError(`undeclared reference to '${name}' (in container 'flow')`)
  if (node.op === 'call' || !LOOPS.has(name)) return steps + sum(children(node))
  const [, list, body] = node.args
  return steps + cost(list) + lengthOf(list) * sum(body)
}

function sum(nodes: readonly ASTNode[]): number {
  return nodes.reduce((steps, node) => steps + cost(node), 0)
}

function lengthOf(list: ASTNode): number {
  return list.op === 'list' || list.op === 'map' ? list.args.length : USUAL_LENGTH
}

/** The nodes right below one. */
export function children({ args }: ASTNode): ASTNode[] {
  return ([args].flat(3) as unknown[]).filter(isNode)
}

function isNode(value: unknown): value is ASTNode {
  return typeof value === 'object' && value !== null && 'op' in value
}
