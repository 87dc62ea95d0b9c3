import { LostSource } from '../../../flow/enums.ts'
import type { Handler, HandlerSettings } from './handler.ts'

/** By `LostSource`: `flow.LostEventSource` in lower case. */
const SOURCES = ['unknown_lost_event_source', 'perf_event_ring_buffer', 'observer_events_queue', 'hubble_ring_buffer']

/** `hubble_lost_events_total`: events that never became flows; always on. */
export function lostEventsHandler(settings: HandlerSettings): Handler {
  const family = settings.family({
    name: 'hubble_lost_events_total',
    help: 'Number of lost events',
    kind: 'counter',
    labels: ['source'],
  })
  return {
    families: [family],
    observe(batch) {
      for (const { source, count } of batch.lost) {
        family.add(family.series(SOURCES[source] ?? SOURCES[LostSource.UNKNOWN]!), count)
      }
    },
  }
}
