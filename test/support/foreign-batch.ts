import type { FlowBatch } from '../../src/flow/batch.ts'
import type { EndpointTable } from '../../src/flow/endpoint.ts'
import { messageType } from '../../src/hubble/definition.ts'
import { FlowRows } from '../../src/receivers/hubble/flow-rows.ts'
import { ForeignEndpoints } from '../../src/receivers/hubble/foreign-endpoints.ts'

/** The batch that the hubble receiver makes of these flows. @param flows `flow.Flow` with proto names, enums as numbers */
export function foreignBatch(table: EndpointTable, flows: readonly object[]): FlowBatch {
  const rows = new FlowRows(table, new ForeignEndpoints(table, 1_024))
  for (const flow of flows) {
    const bytes = messageType('flow.Flow').serialize(flow)
    if (!rows.add(bytes, 0, bytes.length)) throw new Error('malformed flow')
  }
  return rows.take([])
}
