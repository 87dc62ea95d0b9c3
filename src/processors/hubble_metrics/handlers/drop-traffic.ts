import { Kind } from '../../../flow/enums.ts'
import { SeriesCache } from '../../../metrics/series-cache.ts'
import { DropPlaces, droppedPackets } from './drop-places.ts'
import type { Handler, HandlerSettings } from './handler.ts'

const LABELS = ['reason', 'location']

/**
 * `fovea_drop_packets_total` and `fovea_drop_bytes_total`: what was dropped, by the kernel's own reason and the function that did
 * it. Drops alone count: the verdict of a policy, which comes beside them, is no packet.
 */
export function dropTrafficHandler(settings: HandlerSettings): Handler {
  const { ends } = settings
  const packetsTotal = settings.family({
    name: 'fovea_drop_packets_total',
    help: 'Packets dropped by the kernel, by its own name of the reason and the function that dropped',
    kind: 'counter',
    unit: '{packet}',
    labels: LABELS,
  })
  const bytesTotal = settings.family({
    name: 'fovea_drop_bytes_total',
    help: 'Bytes of the packets dropped by the kernel',
    kind: 'counter',
    unit: 'By',
    labels: LABELS,
  })
  const places = new DropPlaces()
  let generation = places.generation
  const labels = (number: number) => places.labels(number)
  const packetSeries = new SeriesCache(packetsTotal, labels, ends)
  const byteSeries = new SeriesCache(bytesTotal, labels, ends)
  return {
    families: [packetsTotal, bytesTotal],
    observe(batch) {
      const { kind, bytes, weight } = batch.columns
      ends.begin(batch)
      places.begin(batch)
      for (const series of [packetSeries, byteSeries]) {
        series.refresh()
        if (generation !== places.generation) series.clear()
      }
      generation = places.generation
      for (let i = 0; i < batch.length; i++) {
        if (kind[i] !== Kind.DROP) continue
        const end = ends.id(i)
        const place = places.number(batch, i)
        packetsTotal.add(packetSeries.id(end, place), droppedPackets(batch, i) * weight[i]!)
        bytesTotal.add(byteSeries.id(end, place), bytes[i]! * weight[i]!)
      }
    },
  }
}
