import type { FlowBatch } from '../../../flow/batch.ts'
import { EventType } from '../../../flow/enums.ts'
import { verdictName } from '../../../flow/flow-names.ts'
import { SeriesCache } from '../../../metrics/series-cache.ts'
import { protocolOf } from './flow.ts'
import type { Handler, HandlerSettings } from './handler.ts'
import { Traces } from './traces.ts'

/** Cilium's reserved identity of the host, which may reach every endpoint of its own. */
const HOST_IDENTITY = 1

/** By `flow.TrafficDirection`. */
const DIRECTIONS = ['traffic_direction_unknown', 'ingress', 'egress']

/** By `flow.Flow.policy_match_type`. */
const MATCHES = ['none', 'l3-only', 'l3-l4', 'l4-only', 'all', 'l3-proto', 'proto-only']

/** By what `protocolOf` says of an L7 flow. */
const L7_MATCHES = ['l7/', 'l7/dns', 'l7/http', 'l7/kafka']

/** The largest `policy_match_type` of a key: none has so many names. */
const MOST_MATCH = 0xff

/** `hubble_policy_verdicts_total`: verdicts of policies (of sources that are not this machine), and whatever proxies saw. */
export function policyHandler(settings: HandlerSettings): Handler {
  const { ends, endpoints } = settings
  const traces = new Traces(settings.options)
  const family = settings.family({
    name: 'hubble_policy_verdicts_total',
    help: 'Total number of Cilium network policy verdicts',
    kind: 'counter',
    labels: ['direction', 'match', 'action'],
  })
  const series = new SeriesCache(family, labels, ends)
  const isHost = (batch: FlowBatch, row: number) =>
    endpoints.table.get(endpoints.source(batch, row)).identity === HOST_IDENTITY
  return {
    families: [family],
    observe(batch) {
      const { eventType, direction, verdict, weight } = batch.columns
      ends.begin(batch)
      endpoints.refresh()
      series.refresh()
      const traced = traces.in(batch)
      for (let i = 0; i < batch.length; i++) {
        const isL7 = eventType[i] === EventType.L7
        if (!isL7 && (eventType[i] !== EventType.POLICY_VERDICT || isHost(batch, i))) continue
        const match = isL7 ? protocolOf(batch, i) : Math.min(batch.foreign?.policyMatchType(i) ?? 0, MOST_MATCH)
        const key = (Number(isL7) << 24) | (direction[i]! << 16) | (match << 8) | verdict[i]!
        const id = series.id(ends.id(i), key)
        family.add(id, weight[i]!)
        if (traced) traces.keep(family, id, batch, i, weight[i]!)
      }
    },
  }
}

function labels(key: number): string[] {
  const direction = (key >>> 16) & 0xff
  const match = (key >>> 8) & 0xff
  const matched = key >>> 24 === 1 ? L7_MATCHES[match] : MATCHES[match]
  return [DIRECTIONS[direction] ?? String(direction), matched ?? 'unknown', verdictName(key & 0xff).toLowerCase()]
}
