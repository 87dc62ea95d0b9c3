import { dropReasonEnumName } from '../../../flow/drop-reason-names.ts'
import { Verdict } from '../../../flow/enums.ts'
import { protocolLabel } from '../../../flow/flow-names.ts'
import { SeriesCache } from '../../../metrics/series-cache.ts'
import { protocolOf } from './flow.ts'
import type { Handler, HandlerSettings } from './handler.ts'
import { Traces } from './traces.ts'

/** `hubble_drop_total`: every flow with the verdict DROPPED. */
export function dropHandler(settings: HandlerSettings): Handler {
  const { ends } = settings
  const traces = new Traces(settings.options)
  const family = settings.family({
    name: 'hubble_drop_total',
    help: 'Number of drops',
    kind: 'counter',
    labels: ['reason', 'protocol'],
  })
  const series = new SeriesCache(family, labels, ends)
  return {
    families: [family],
    observe(batch) {
      const { verdict, dropReason, eventType, weight } = batch.columns
      ends.begin(batch)
      series.refresh()
      const traced = traces.in(batch)
      for (let i = 0; i < batch.length; i++) {
        if (verdict[i] !== Verdict.DROPPED) continue
        const key = (eventType[i]! << 16) | (protocolOf(batch, i) << 8) | dropReason[i]!
        const id = series.id(ends.id(i), key)
        family.add(id, weight[i]!)
        if (traced) traces.keep(family, id, batch, i, weight[i]!)
      }
    },
  }
}

function labels(key: number): string[] {
  const reason = key & 0xff
  return [dropReasonEnumName(reason) ?? String(reason), protocolLabel(key >>> 16, (key >>> 8) & 0xff)]
}
