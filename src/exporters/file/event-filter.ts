import type { EventTypeFilter, FlowFilter } from '../../hubble/filters/flow-filter.ts'

/** Numbers of Cilium's monitor (`event_type.type`). */
const AGENT = 130

/** Whether an event is of one of the types; losses are of all of them, so that nobody misses them. */
export type OfType = (types: readonly EventTypeFilter[]) => boolean

export const isLoss: OfType = () => true

/** @param subType `flow.AgentEventType` */
export function isAgentEvent(subType: number): OfType {
  return (types) =>
    types.some(
      ({ type = 0, match_sub_type, sub_type = 0 }) =>
        (type === 0 || type === AGENT) && (!match_sub_type || sub_type === subType),
    )
}

/** Whether an event that is no flow passes the lists: of the fields of filters it has the type alone, as in Hubble. */
export function passes(allow: readonly FlowFilter[], deny: readonly FlowFilter[], ofType: OfType): boolean {
  const matches = (filter: FlowFilter) => matchesEvent(filter, ofType)
  return (allow.length === 0 || allow.some(matches)) && !deny.some(matches)
}

function matchesEvent(filter: FlowFilter, ofType: OfType): boolean {
  const set = Object.entries(filter).filter(([, values]) => !Array.isArray(values) || values.length > 0)
  return set.every(([name]) => name === 'event_type') && (set.length === 0 || ofType(filter.event_type ?? []))
}
