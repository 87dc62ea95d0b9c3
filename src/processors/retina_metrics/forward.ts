import { Kind, Verdict } from '../../flow/enums.ts'
import type { Handler } from '../hubble_metrics/handlers/handler.ts'
import { type RetinaSettings, retinaGauge } from './retina-settings.ts'

/**
 * `adv_forward_count` and `adv_forward_bytes`: exact, what each pod sent and received at its own interface. Retina adds a flow
 * to both of its pods wherever it is seen, so that a packet between two pods of a node counts four times.
 */
export function forwardHandler({ sides }: RetinaSettings): Handler {
  const labels = (way: number) => [sides.directions[way]!]
  const count = sides.family(retinaGauge('adv_forward_count', 'Packets of pods', 'direction'), labels)
  const bytes = sides.family(retinaGauge('adv_forward_bytes', 'Bytes of pods', 'direction'), labels)
  return {
    families: [count.family, bytes.family],
    observe(batch) {
      const { kind, verdict, packets, bytes: size, weight } = batch.columns
      sides.begin(batch, count, bytes)
      for (let i = 0; i < batch.length; i++) {
        if (kind[i] !== Kind.PACKETS && kind[i] !== Kind.DNS) continue
        const way = sides.wayAt(batch, i)
        if (way === undefined || (verdict[i] !== Verdict.FORWARDED && verdict[i] !== Verdict.REDIRECTED)) continue
        const pod = sides.labels(i, way)
        count.family.add(count.series[way].id(pod, way), packets[i]! * weight[i]!)
        bytes.family.add(bytes.series[way].id(pod, way), size[i]! * weight[i]!)
      }
    },
  }
}
