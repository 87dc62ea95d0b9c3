import { Protocol, Reply, Verdict } from '../../../flow/enums.ts'
import { l4Name } from '../../../flow/flow-names.ts'
import { SeriesCache } from '../../../metrics/series-cache.ts'
import type { Handler, HandlerSettings } from './handler.ts'

/** By IP protocol: 2 = with ports, 1 = layer 4 without ports (counted as port 0), 0 = no layer 4. */
const LAYER4 = Uint8Array.from({ length: 256 }, (_, protocol) => {
  if (protocol === Protocol.TCP || protocol === Protocol.UDP || protocol === Protocol.SCTP) return 2
  return l4Name(protocol) === undefined ? 0 : 1
})

/** `hubble_port_distribution_total`: destination ports of forwarded flows that are known not to be replies. */
export function portDistributionHandler(settings: HandlerSettings): Handler {
  const { ends } = settings
  const family = settings.family({
    name: 'hubble_port_distribution_total',
    help: 'Numbers of packets distributed by destination port',
    kind: 'counter',
    labels: ['protocol', 'port'],
  })
  const series = new SeriesCache(family, (key) => [l4Name(key >>> 16) ?? '', String(key & 0xffff)], ends)
  return {
    families: [family],
    observe(batch) {
      const { verdict, isReply, protocol, destinationPort, weight } = batch.columns
      ends.begin(batch)
      series.refresh()
      for (let i = 0; i < batch.length; i++) {
        if (isReply[i] !== Reply.NO) continue
        if (verdict[i] !== Verdict.FORWARDED && verdict[i] !== Verdict.REDIRECTED) continue
        const layer4 = LAYER4[protocol[i]!]!
        if (layer4 === 0) continue
        const port = layer4 === 2 ? destinationPort[i]! : 0
        family.add(series.id(ends.id(i), (protocol[i]! << 16) | port), weight[i]!)
      }
    },
  }
}
