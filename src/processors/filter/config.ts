import { Ends } from '../../flow/ends.ts'
import { compileFilters } from '../../hubble/filters/compile.ts'
import type { FlowFilter } from '../../hubble/filters/flow-filter.ts'
import { type Misfit, parseFlowFilter } from '../../hubble/filters/parse.ts'
import type { ConfigSpec, Problem } from '../../pipeline/component.ts'

export interface FilterConfig {
  /** Filters as written; {@link parseFilters} reads them. */
  allow: unknown[]
  deny: unknown[]
}

export const filterConfig: ConfigSpec<FilterConfig> = {
  schema: {
    allow: {
      doc: 'flow filters (fields of flow.FlowFilter); a flow stays when one of them matches; empty: all stay',
      format: 'array',
      default: [],
    },
    deny: { doc: 'flow filters; a flow goes when one of them matches', format: 'array', default: [] },
  },
  check: (config) => [...checkList('allow', config.allow), ...checkList('deny', config.deny)],
}

/** The filters of a list that {@link filterConfig} found right. */
export function parseFilters(list: readonly unknown[]): FlowFilter[] {
  return list.map((written) => parseFlowFilter(written, []))
}

function checkList(name: 'allow' | 'deny', list: readonly unknown[]): Problem[] {
  return list.flatMap((written, i) => checkFilter([name, String(i)], written))
}

function checkFilter(path: readonly string[], written: unknown): Problem[] {
  const misfits: Misfit[] = []
  const filter = parseFlowFilter(written, misfits)
  if (misfits.length > 0) return misfits.map(({ path: below, message }) => ({ path: [...path, ...below], message }))
  try {
    compileFilters([filter], [], { ends: new Ends(), nodeName: '' })
    return []
  } catch (error) {
    return [{ path, message: (error as Error).message }]
  }
}
