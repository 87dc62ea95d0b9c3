import { type CompileContext, type FieldFilter, FilterError } from './flow-filter.ts'
export function celExpressions(_expressions: readonly string[], _context: CompileContext): FieldFilter {
  throw new FilterError('CEL expressions are not supported')
}
