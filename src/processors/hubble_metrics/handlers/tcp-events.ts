import { Kind } from '../../../flow/enums.ts'
import { SeriesCache } from '../../../metrics/series-cache.ts'
import type { Handler, HandlerSettings } from './handler.ts'

/** Seconds: from loopback to satellite links. */
const RTT_BUCKETS = [
  0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5,
]

/** Column `detail` of a reset. */
const RESET_SENT = 1
const RESET_RECEIVED = 2

/** RTT, set-up time, retransmissions and resets of TCP, from socket events. */
export function tcpEventsHandler(settings: HandlerSettings): Handler {
  const { ends } = settings
  const rtt = settings.family({
    name: 'fovea_tcp_rtt_seconds',
    help: 'Smoothed round-trip time of TCP sockets, taken when a connection is set up and when it closes',
    kind: 'histogram',
    unit: 's',
    buckets: RTT_BUCKETS,
  })
  const connect = settings.family({
    name: 'fovea_tcp_connect_seconds',
    help: 'Time from SYN to the established connection',
    kind: 'histogram',
    unit: 's',
    buckets: RTT_BUCKETS,
  })
  const retransmits = settings.family({
    name: 'fovea_tcp_retransmits_total',
    help: 'TCP segments sent again',
    kind: 'counter',
    unit: '{segment}',
  })
  const resets = settings.family({
    name: 'fovea_tcp_resets_total',
    help: 'TCP resets sent and received',
    kind: 'counter',
    labels: ['direction'],
  })
  const rttSeries = new SeriesCache(rtt, () => [], ends)
  const connectSeries = new SeriesCache(connect, () => [], ends)
  const retransmitSeries = new SeriesCache(retransmits, () => [], ends)
  const resetSeries = new SeriesCache(resets, (detail) => [detail === RESET_SENT ? 'sent' : 'received'], ends)
  if (ends.names.length === 0) {
    // Made now, so that they are there, and 0, before anything happened.
    retransmitSeries.id(0, 0)
    for (const detail of [RESET_SENT, RESET_RECEIVED]) resetSeries.id(0, detail)
  }
  return {
    families: [rtt, connect, retransmits, resets],
    observe(batch) {
      const { kind, detail, rttUs, weight } = batch.columns
      ends.begin(batch)
      for (const series of [rttSeries, connectSeries, retransmitSeries, resetSeries]) series.refresh()
      for (let i = 0; i < batch.length; i++) {
        const what = kind[i]!
        if (what < Kind.TCP_RETRANSMIT) continue
        const times = weight[i]!
        const end = ends.id(i)
        if (what === Kind.TCP_RETRANSMIT) retransmits.add(retransmitSeries.id(end, 0), times)
        else if (what === Kind.TCP_RESET) resets.add(resetSeries.id(end, detail[i]!), times)
        else if (what === Kind.TCP_CONNECT) connect.observe(connectSeries.id(end, 0), detail[i]! / 1e6, times)
        if (rttUs[i] !== 0 && (what === Kind.TCP_CONNECT || what === Kind.TCP_CLOSE)) {
          rtt.observe(rttSeries.id(end, 0), rttUs[i]! / 1e6, times)
        }
      }
    },
  }
}
