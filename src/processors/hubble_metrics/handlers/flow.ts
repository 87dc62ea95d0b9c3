import type { FlowBatch } from '../../../flow/batch.ts'
import { EventType } from '../../../flow/enums.ts'
import { KAFKA, protocolLabel, tracePointName, verdictName } from '../../../flow/flow-names.ts'
import { SeriesCache } from '../../../metrics/series-cache.ts'
import type { Handler, HandlerSettings } from './handler.ts'
import { Traces } from './traces.ts'

/** `hubble_flows_processed_total`: every flow. */
export function flowHandler(settings: HandlerSettings): Handler {
  const { ends } = settings
  const traces = new Traces(settings.options)
  const family = settings.family({
    name: 'hubble_flows_processed_total',
    help: 'Total number of flows processed',
    kind: 'counter',
    labels: ['protocol', 'type', 'subtype', 'verdict'],
  })
  const series = new SeriesCache(family, labels, ends)
  return {
    families: [family],
    observe(batch) {
      const { verdict, eventType, eventSubType, protocol, weight } = batch.columns
      const rows = batch.length
      const traced = traces.in(batch)
      ends.begin(batch)
      series.refresh()
      for (let i = 0; i < rows; i++) {
        const number = eventType[i] === EventType.L7 ? protocolOf(batch, i) : protocol[i]!
        const key = (eventType[i]! << 24) | (eventSubType[i]! << 16) | (number << 8) | verdict[i]!
        const id = series.id(ends.id(i), key >>> 0)
        family.add(id, weight[i]!)
        if (traced) traces.keep(family, id, batch, i, weight[i]!)
      }
    },
  }
}

/** What {@link protocolLabel} wants: of L7 flows the layer-7 protocol (0 = none that is known), of all others the IP protocol. */
export function protocolOf(batch: FlowBatch, row: number): number {
  const { eventType, protocol, l7 } = batch.columns
  if (eventType[row] !== EventType.L7) return protocol[row]!
  if (l7[row] !== 0) return batch.l7.columns.protocol[l7[row]! - 1]!
  return batch.foreign?.isKafka(row) ? KAFKA : 0
}

function labels(key: number): string[] {
  const eventType = key >>> 24
  const subType = (key >>> 16) & 0xff
  const protocol = (key >>> 8) & 0xff
  const label = protocolLabel(eventType, protocol)
  return [label, ...typeLabels(eventType, subType, label), verdictName(key & 0xff)]
}

/** Labels `type` and `subtype` (`FlowTypeName`, `FlowSubtypeName` of Hubble's metrics). */
function typeLabels(eventType: number, subType: number, protocol: string): [string, string] {
  switch (eventType) {
    case EventType.L7:
      return ['L7', protocol === 'Unknown L7' ? '' : protocol]
    case EventType.DROP:
      return ['Drop', '']
    case EventType.CAPTURE:
      return ['Capture', '']
    case EventType.TRACE:
      // Points without a name are numbers in TYPE of the CLI, and empty here.
      return ['Trace', tracePointName(subType).replace(/^\d+$/, '')]
    case EventType.POLICY_VERDICT:
      return ['PolicyVerdict', '']
    default:
      return ['Unknown', String(eventType)]
  }
}
