import { dnsRcodeText } from '../../../flow/dns-names.ts'
import { L7Type } from '../../../flow/enums.ts'
import { L7Protocol } from '../../../flow/l7.ts'
import { SeriesCache } from '../../../metrics/series-cache.ts'
import type { Handler, HandlerSettings } from './handler.ts'

/** Seconds: from a local cache to a resolver's time-out. */
const BUCKETS = [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** `fovea_dns_latency_seconds`: from query to answer, for answers whose query was seen. */
export function dnsLatencyHandler(settings: HandlerSettings): Handler {
  const { ends } = settings
  const family = settings.family({
    name: 'fovea_dns_latency_seconds',
    help: 'Time from a DNS query to its answer',
    kind: 'histogram',
    unit: 's',
    labels: ['rcode'],
    buckets: BUCKETS,
  })
  const series = new SeriesCache(family, (rcode) => [dnsRcodeText(rcode)], ends)
  return {
    families: [family],
    observe(batch) {
      if (batch.l7.length === 0) return
      const { l7, weight } = batch.columns
      const { protocol, type, latencyNs, rcode } = batch.l7.columns
      ends.begin(batch)
      series.refresh()
      for (let i = 0; i < batch.length; i++) {
        const row = l7[i]! - 1
        if (row < 0 || protocol[row] !== L7Protocol.DNS || type[row] !== L7Type.RESPONSE) continue
        if (latencyNs[row]! > 0) family.observe(series.id(ends.id(i), rcode[row]!), latencyNs[row]! / 1e9, weight[i]!)
      }
    },
  }
}
