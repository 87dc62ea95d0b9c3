import type { LostEvents } from '../flow/batch.ts'
import { LostSource } from '../flow/enums.ts'
import { messageType } from './definition.ts'
import { timestamp } from './timestamp.ts'

/** A report of loss as `observer.GetFlowsResponse`. @param timeMs of the response, Unix milliseconds */
export type EncodeLost = (lost: LostEvents, timeMs: number) => Uint8Array

/** Encodes reports of loss with the parts that Hubble gives each source. */
export function lostEncoder(nodeName: string): EncodeLost {
  const { serialize } = messageType('observer.GetFlowsResponse')
  return (lost, timeMs) =>
    serialize({
      lost_events: {
        source: lost.source,
        num_events_lost: lost.count,
        cpu: processor(lost),
        ...(lost.source === LostSource.PERF_EVENT_RING_BUFFER ? {} : between(lost)),
      },
      node_name: lost.nodeName ?? nodeName,
      time: timestamp(timeMs),
    })
}

/** Here number 0: the kernel's ring is one for all processors. */
function processor({ source, nodeName, cpu }: LostEvents): { value: number } | undefined {
  if (nodeName !== undefined) return cpu === undefined ? undefined : { value: cpu }
  return source === LostSource.HUBBLE_RING_BUFFER ? undefined : { value: 0 }
}

function between({ firstMs, lastMs }: LostEvents): object {
  if (firstMs === undefined || lastMs === undefined) return {}
  return { first: timestamp(firstMs), last: timestamp(lastMs) }
}
