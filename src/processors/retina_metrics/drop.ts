import { Direction, Kind } from '../../flow/enums.ts'
import { SeriesCache } from '../../metrics/series-cache.ts'
import { DropPlaces, droppedPackets } from '../hubble_metrics/handlers/drop-places.ts'
import type { Handler } from '../hubble_metrics/handlers/handler.ts'
import { EGRESS, INGRESS, type Way } from './pod-sides.ts'
import { type RetinaSettings, retinaGauge } from './retina-settings.ts'

/** By `Direction`, as Retina spells it for nodes. */
const DIRECTIONS = ['unknown', 'ingress', 'egress']

/** Bits of a key that hold a direction; the rest is the number of the reason and place. */
const WAYS = 4

/** `drop_count` and `drop_bytes` of the node, `adv_drop_count` and `adv_drop_bytes` of its pods: every drop of the kernel. */
export function dropHandler({ node, sides }: RetinaSettings): Handler {
  const places = new DropPlaces()
  let generation = places.generation
  const reasonOf = (key: number) => places.labels(Math.floor(key / WAYS))[0]!
  const names = ['reason', 'direction']
  const nodeLabels = (key: number) => [reasonOf(key), DIRECTIONS[key % WAYS]!]
  const podLabels = (key: number) => [reasonOf(key), sides.directions[key % WAYS]!]
  const total = node.family(retinaGauge('drop_count', 'Packets dropped by the kernel', ...names))
  const totalBytes = node.family(retinaGauge('drop_bytes', 'Bytes of these packets', ...names))
  const count = sides.family(
    retinaGauge('adv_drop_count', 'Packets of pods dropped by the kernel', ...names),
    podLabels,
  )
  const bytes = sides.family(retinaGauge('adv_drop_bytes', 'Bytes of these packets', ...names), podLabels)
  const totals = new SeriesCache(total, nodeLabels)
  const totalsOfBytes = new SeriesCache(totalBytes, nodeLabels)
  const ways: readonly Way[] = [EGRESS, INGRESS]
  return {
    families: [total, totalBytes, count.family, bytes.family],
    observe(batch) {
      const { kind, bytes: size, direction, weight } = batch.columns
      sides.begin(batch, count, bytes)
      places.begin(batch)
      for (const series of [totals, totalsOfBytes, ...count.series, ...bytes.series]) {
        series.refresh()
        if (generation !== places.generation) series.clear()
      }
      generation = places.generation
      for (let i = 0; i < batch.length; i++) {
        if (kind[i] !== Kind.DROP) continue
        const place = places.number(batch, i) * WAYS
        const from = direction[i]! > Direction.EGRESS ? 0 : direction[i]!
        const packets = droppedPackets(batch, i) * weight[i]!
        total.add(totals.id(0, place + from), packets)
        totalBytes.add(totalsOfBytes.id(0, place + from), size[i]! * weight[i]!)
        for (const way of ways) {
          if (!sides.isPod(batch, i, way)) continue
          const pod = sides.labels(i, way)
          count.family.add(count.series[way].id(pod, place + way), packets)
          bytes.family.add(bytes.series[way].id(pod, place + way), size[i]! * weight[i]!)
        }
      }
    },
  }
}
