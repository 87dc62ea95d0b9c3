import { flowMask } from '../../hubble/field-mask.ts'
import type { Problem } from '../../pipeline/component.ts'
import type { AggregateKey } from './aggregate-table.ts'

/** What is wrong with a list of paths below `flow.Flow`. @param path place of the list */
export function checkFields(fields: readonly string[], path: readonly string[]): Problem[] {
  return fields.flatMap((field, i) => {
    const message = fieldProblem(field)
    return message === undefined ? [] : [{ path: [...path, String(i)], message }]
  })
}

function fieldProblem(field: string): string | undefined {
  try {
    flowMask([field])
    return undefined
  } catch (error) {
    return `${(error as Error).message}: flow.Flow has no field ${JSON.stringify(field)}`
  }
}

/** How flows are told apart that are added up by `fields`; undefined = they are not. @param intervalMs 0 = never */
export function aggregateKey(fields: readonly string[], intervalMs: number): AggregateKey | undefined {
  // What aggregates say of themselves cannot be asked for: it is always there.
  const told = fields.filter((field) => field.split('.')[0] !== 'aggregate')
  const mask = flowMask(told)
  if (mask === undefined || intervalMs === 0) return undefined
  return { mask, byTime: told.some((field) => field.split('.')[0] === 'time'), byNode: told.includes('node_name') }
}
