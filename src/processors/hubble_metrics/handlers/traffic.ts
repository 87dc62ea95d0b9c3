import { Kind } from '../../../flow/enums.ts'
import { l4Name, observationPointName, verdictName } from '../../../flow/flow-names.ts'
import { SeriesCache } from '../../../metrics/series-cache.ts'
import type { Handler, HandlerSettings } from './handler.ts'

const LABELS = ['observation_point', 'protocol', 'verdict']

/**
 * `fovea_flow_packets_total` and `fovea_flow_bytes_total`: the exact deltas of packet records and of DNS packets.
 * Drops and socket events are left out: their packets passed no observation point or were counted there.
 */
export function trafficHandler(settings: HandlerSettings): Handler {
  const { ends } = settings
  const packetsTotal = settings.family({
    name: 'fovea_flow_packets_total',
    help: 'Packets of the wire seen at an observation point',
    kind: 'counter',
    unit: '{packet}',
    labels: LABELS,
  })
  const bytesTotal = settings.family({
    name: 'fovea_flow_bytes_total',
    help: 'Bytes of layer 2 frames seen at an observation point',
    kind: 'counter',
    unit: 'By',
    labels: LABELS,
  })
  const packetSeries = new SeriesCache(packetsTotal, labels, ends)
  const byteSeries = new SeriesCache(bytesTotal, labels, ends)
  return {
    families: [packetsTotal, bytesTotal],
    observe(batch) {
      const { kind, packets, bytes, weight, observationPoint, protocol, verdict } = batch.columns
      ends.begin(batch)
      packetSeries.refresh()
      byteSeries.refresh()
      for (let i = 0; i < batch.length; i++) {
        if (kind[i] !== Kind.PACKETS && kind[i] !== Kind.DNS) continue
        const end = ends.id(i)
        const key = (observationPoint[i]! << 16) | (protocol[i]! << 8) | verdict[i]!
        packetsTotal.add(packetSeries.id(end, key), packets[i]! * weight[i]!)
        bytesTotal.add(byteSeries.id(end, key), bytes[i]! * weight[i]!)
      }
    },
  }
}

function labels(key: number): string[] {
  return [observationPointName(key >>> 16), l4Name((key >>> 8) & 0xff) ?? 'Unknown L4', verdictName(key & 0xff)]
}
