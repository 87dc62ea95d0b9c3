import { checkFilterLists } from '../../hubble/filters/read-json.ts'
import type { ConfigSpec } from '../../pipeline/component.ts'

export interface FilterConfig {
  /** Filters as written; `readFlowFilters` reads them. */
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
  check: ({ allow, deny }) => checkFilterLists(allow, deny, { include: ['allow'], exclude: ['deny'] }),
}
