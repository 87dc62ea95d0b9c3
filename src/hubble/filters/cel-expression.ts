import { createRequire } from 'node:module'
import type { ASTNode, Environment } from '@marcbachmann/cel-js'
import { type CelSteps, children } from './cel-cost.ts'
import { CelMessage } from './cel-message.ts'
import { FlowTypes } from './cel-types.ts'
import { explained, FilterError } from './filter-error.ts'
import { Regexps } from './regexps.ts'

/** CEL (https://github.com/google/cel-spec) over flows: the variable `_flow` is a `flow.Flow`, names of enums are constants. */

/** An expression that was checked. */
export interface CelExpression {
  /** Numbers of the fields of `flow.Flow` it looks at; undefined = it looks at the whole. */
  fields: readonly number[] | undefined
  /** Whether an encoded flow matches. @throws Error when the expression has no value for it */
  matches(flow: Uint8Array): boolean
}

const FLOW = '_flow'
/** What `matches` is called inside: the library's own takes JavaScript's regular expressions, which need not end in time. */
const MATCHES = 're2_matches'
const MOST_CHARACTERS = 4_096
/** Regular expressions that are kept compiled: most are literals. */
const MOST_PATTERNS = 64

/** A node of the library's syntax tree, as far as it is changed here. */
interface Node {
  op: string
  args: unknown
  setMeta(key: string, value: unknown): void
}

/** What evaluates nodes, and what checks their types. */
interface Evaluator {
  run(node: unknown, context: unknown): unknown
}
interface Checker {
  check(node: unknown, context: unknown): unknown
  getType(name: string): unknown
}

interface Language {
  environment: Environment
  types: FlowTypes
}

let language: Language | undefined

/** The library is loaded for the first expression: few need it. */
function celLanguage(): Language {
  if (language !== undefined) return language
  const library = createRequire(import.meta.url)(
    '@marcbachmann/cel-js/evaluator',
  ) as typeof import('@marcbachmann/cel-js/evaluator')
  const environment = new library.Environment({ limits: { maxAstNodes: 2_000, maxDepth: 50 } })
  const types = new FlowTypes(environment, (value) => new library.UnsignedInt(value))
  const matches = patternTests()
  environment.registerVariable(FLOW, 'flow.Flow')
  environment.registerFunction(`string.${MATCHES}(string): bool`, matches)
  environment.registerFunction(`${MATCHES}(string, string): bool`, matches)
  registerConversions(environment)
  language = { environment, types }
  return language
}

const TIME = 'google.protobuf.Timestamp'
const DURATION = 'google.protobuf.Duration'

/** Conversions of CEL's standard that the library lacks. */
function registerConversions(environment: Environment): void {
  environment.registerFunction('int(uint): int', ({ value }: { value: bigint }) => {
    if (value < 1n << 63n) return value
    throw new RangeError('integer overflow')
  })
  environment.registerFunction(`int(${TIME}): int`, (time: Date) => BigInt(Math.floor(time.getTime() / 1_000)))
  environment.registerFunction(`string(${TIME}): string`, (time: Date) => time.toISOString().replace(/\.?0*Z$/, 'Z'))
  environment.registerFunction(`string(${DURATION}): string`, (duration: object) => String(duration))
  environment.registerFunction(`timestamp(${TIME}): ${TIME}`, (time: Date) => time)
  environment.registerFunction(`duration(${DURATION}): ${DURATION}`, (duration: object) => duration)
}

/** Patterns may come from flows, too: of those there is a limit of size like for those of clients, but for each. */
function patternTests(): (text: string, pattern: string) => boolean {
  const tests = new Map<string, (text: string) => boolean>()
  return (text, pattern) => {
    let test = tests.get(pattern)
    if (test === undefined) {
      if (tests.size >= MOST_PATTERNS) tests.clear()
      test = new Regexps().compile(pattern)
      tests.set(pattern, test)
    }
    return test(text)
  }
}

/** What the expressions of a request share: limits of their steps and of their literal patterns. */
export interface CelLimits {
  celSteps: CelSteps
  regexps: Regexps
}

/** Compiles an expression, and finds what would not be right for any flow. @throws FilterError */
export function compileCel(text: string, limits: CelLimits): CelExpression {
  return explained('error compiling CEL expression', () => compile(text, limits))
}

function compile(text: string, { celSteps, regexps }: CelLimits): CelExpression {
  if (text.length > MOST_CHARACTERS)
    throw new FilterError(`it has ${text.length} characters, at most ${MOST_CHARACTERS} are taken`)
  const { environment, types } = celLanguage()
  const program = environment.parse(text)
  celSteps.take(program.ast)
  const look = new Look(types, regexps)
  look.at(program.ast)
  const { valid, type, error } = program.check()
  if (!valid) throw new FilterError((error?.message ?? 'it is not valid').replaceAll(MATCHES, 'matches'))
  if (type !== 'bool') throw new FilterError(`got ${JSON.stringify(type)}, wanted "bool" result type`)
  const fields = look.whole ? undefined : [...look.fields]
  return { fields, matches: (flow) => program({ [FLOW]: types.flow(flow) }) === true }
}

/** Looks at every node of an expression: what it needs of flows; and gives `has` and `matches` the meaning they have for messages. */
class Look {
  readonly fields = new Set<number>()
  whole = false
  readonly #types: FlowTypes
  readonly #regexps: Regexps

  constructor(types: FlowTypes, regexps: Regexps) {
    this.#types = types
    this.#regexps = regexps
  }

  at(node: ASTNode): void {
    if (node.op === 'id' && node.args === FLOW) this.whole = true
    if (node.op === '.' && node.args[0].op === 'id' && node.args[0].args === FLOW) {
      const field = this.#types.flowField(node.args[1])
      if (field !== undefined) this.fields.add(field)
      return
    }
    if (node.op === 'call' && node.args[0] === 'has') replaceHas(node as unknown as Node, node.args[1][0], this.#types)
    if ((node.op === 'call' || node.op === 'rcall') && node.args[0] === 'matches') this.#replaceMatches(node)
    for (const child of children(node)) this.at(child)
  }

  #replaceMatches(node: ASTNode & { op: 'call' | 'rcall' }): void {
    const parts = (node as unknown as Node).args as unknown[]
    parts[0] = MATCHES
    const pattern = node.args.at(-1) as readonly ASTNode[]
    const literal = pattern.at(-1)
    if (literal?.op === 'value' && typeof literal.args === 'string') this.#regexps.compile(literal.args)
  }
}

/** `has(a.b)`: whether the field is set; fields of messages that are not set are not set either. */
function replaceHas(node: Node, operand: ASTNode | undefined, types: FlowTypes): void {
  if (operand?.op !== '.') return
  const [object, name] = operand.args
  node.setMeta('macro', {
    typeCheck(checker: Checker, _macro: unknown, context: unknown) {
      checker.check(operand, context)
      return checker.getType('bool')
    },
    evaluate(evaluator: Evaluator, _macro: unknown, context: unknown) {
      const value = evaluator.run(object, context)
      if (value instanceof CelMessage) return types.has(value, name)
      return value instanceof Map
        ? value.has(name)
        : typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    },
  })
  node.setMeta('async', false)
}
