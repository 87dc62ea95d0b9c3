import { HubbleEncoder } from '../../flow/hubble-encode.ts'
import { FlowMask } from '../../flow/hubble-mask.ts'
import { type CelExpression, compileCel } from './cel-expression.ts'
import type { CompileContext, FieldFilter, FilterContext } from './flow-filter.ts'

const UUID = 34

/**
 * Rows for which one of the expressions is true. One that has no value for a row (an index that is not there, a division by
 * zero) ends the search: the row does not match.
 * @throws FilterError
 */
export function celExpressions(texts: readonly string[], context: CompileContext): FieldFilter {
  const expressions = texts.map((text) => compileCel(text, context))
  const encoder = context.encoder ?? encoderOf(context)
  const mask = maskOf(expressions, context)
  return (batch, serial) => {
    encoder.refresh()
    return (row) => matchesAny(expressions, encoder.flow(batch, row, serial, mask))
  }
}

function matchesAny(expressions: readonly CelExpression[], flow: Uint8Array): boolean {
  try {
    return expressions.some((expression) => expression.matches(flow))
  } catch {
    // As in Hubble. There is no telling of it: it would be once for each flow.
    return false
  }
}

/** The fields that the expressions look at: only those are encoded. Without UUIDs there is none to look at. */
function maskOf(expressions: readonly CelExpression[], { uuidPrefix, encoder }: FilterContext): FlowMask | undefined {
  const all = expressions.flatMap(({ fields }) => fields ?? [])
  if (expressions.some(({ fields }) => fields === undefined)) return undefined
  const known = uuidPrefix !== undefined || encoder !== undefined ? all : all.filter((field) => field !== UUID)
  return new FlowMask(new Map(known.map((field) => [field, true])))
}

function encoderOf({ nodeName, ends, uuidPrefix = '' }: FilterContext): HubbleEncoder {
  return new HubbleEncoder({ nodeName, emitter: { name: '', version: '' }, ends, uuidPrefix })
}
