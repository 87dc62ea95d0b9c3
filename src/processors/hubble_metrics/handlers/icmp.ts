import { Protocol } from '../../../flow/enums.ts'
import { icmpName } from '../../../flow/icmp-names.ts'
import { SeriesCache } from '../../../metrics/series-cache.ts'
import type { Handler, HandlerSettings } from './handler.ts'

/** `hubble_icmp_total`: every flow of ICMP or ICMPv6, whatever its verdict. */
export function icmpHandler(settings: HandlerSettings): Handler {
  const { ends } = settings
  const family = settings.family({
    name: 'hubble_icmp_total',
    help: 'Number of ICMP messages',
    kind: 'counter',
    labels: ['family', 'type'],
  })
  const series = new SeriesCache(family, labels, ends)
  return {
    families: [family],
    observe(batch) {
      const { protocol, icmpType, icmpCode, weight } = batch.columns
      ends.begin(batch)
      series.refresh()
      for (let i = 0; i < batch.length; i++) {
        const number = protocol[i]!
        if (number !== Protocol.ICMP && number !== Protocol.ICMPV6) continue
        const version = number === Protocol.ICMP ? 4 : 6
        family.add(series.id(ends.id(i), (version << 16) | (icmpType[i]! << 8) | icmpCode[i]!), weight[i]!)
      }
    },
  }
}

function labels(key: number): string[] {
  const version = key >>> 16 === 4 ? 4 : 6
  return [`IPv${version}`, icmpName(version, (key >>> 8) & 0xff, key & 0xff)]
}
