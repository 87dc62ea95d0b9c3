import { dropReasonEnumName } from '../../../flow/drop-reason-names.ts'
import { Kind } from '../../../flow/enums.ts'
import { SeriesCache } from '../../../metrics/series-cache.ts'
import type { Handler, HandlerSettings } from './handler.ts'

const LABELS = ['reason', 'location']

/** Stands for the index of a name where there is none, with the `flow.DropReason` in the low byte; no batch has so many strings. */
const UNNAMED = 0xff00

/** `fovea_drop_packets_total` and `fovea_drop_bytes_total`: what the kernel dropped, by its own reason and the function that did it. */
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
  let strings: readonly string[] = []
  const labels = (key: number) => labelsOf(strings, key)
  const packetSeries = new SeriesCache(packetsTotal, labels, ends)
  const byteSeries = new SeriesCache(bytesTotal, labels, ends)
  return {
    families: [packetsTotal, bytesTotal],
    observe(batch) {
      const { kind, dropReason, dropReasonName, dropLocation, packets, bytes, weight } = batch.columns
      ends.begin(batch)
      for (let i = 0; i < batch.length; i++) {
        if (kind[i] !== Kind.DROP) continue
        if (strings !== batch.strings) {
          // Keys are indexes into the strings of one batch: the caches last as long.
          strings = batch.strings
          packetSeries.clear()
          byteSeries.clear()
        }
        const reason = dropReasonName[i] === 0 ? UNNAMED | dropReason[i]! : dropReasonName[i]!
        const end = ends.id(i)
        const key = ((reason << 16) | dropLocation[i]!) >>> 0
        packetsTotal.add(packetSeries.id(end, key), packets[i]! * weight[i]!)
        bytesTotal.add(byteSeries.id(end, key), bytes[i]! * weight[i]!)
      }
      strings = []
    },
  }
}

/** The kernel's name of the reason, or Hubble's where the kernel (before 5.17) has none; the function without its offset. */
function labelsOf(strings: readonly string[], key: number): string[] {
  const reason = key >>> 16
  const location = strings[key & 0xffff]!.replace(/\+0x.*$/, '')
  if (reason < UNNAMED) return [strings[reason]!, location]
  return [dropReasonEnumName(reason & 0xff) ?? String(reason & 0xff), location]
}
