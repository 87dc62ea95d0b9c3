import { Kind } from '../../flow/enums.ts'
import type { Handler } from '../hubble_metrics/handlers/handler.ts'
import { type RetinaSettings, retinaGauge } from './retina-settings.ts'

const APISERVER = 'reserved:kube-apiserver'

/** Retina's, in milliseconds: 0.5, 1.5, … 63.5. */
const BUCKETS = Array.from({ length: 64 }, (_, i) => i + 0.5)

/**
 * Latency between this node (or its pods) and the API server, from its sockets: `adv_node_apiserver_latency` from the smoothed RTT
 * when a connection is set up and when it closes, `adv_node_apiserver_tcp_handshake_latency` from SYN to the established
 * connection, `adv_node_apiserver_no_response` from segments that had to be sent again. Retina takes the fractions of a second
 * of packets for their time, rounds to milliseconds, and needs TCP timestamps and every packet.
 */
export function apiserverHandler({ node }: RetinaSettings): Handler {
  const histogram = (name: string, help: string) =>
    node.family({ name: `networkobservability_${name}`, help, kind: 'histogram', buckets: BUCKETS })
  const latency = histogram('adv_node_apiserver_latency', 'Round-trip time to the API server in ms')
  const handshake = histogram('adv_node_apiserver_tcp_handshake_latency', 'Set-up time of TCP to the API server in ms')
  const silent = node.family(
    retinaGauge('adv_node_apiserver_no_response', 'Segments to the API server that had to be sent again', 'count'),
  )
  const { endpoints } = node
  return {
    families: [latency, handshake, silent],
    observe(batch) {
      const { kind, detail, rttUs, weight } = batch.columns
      endpoints.refresh()
      for (let i = 0; i < batch.length; i++) {
        const what = kind[i]!
        if (what !== Kind.TCP_CONNECT && what !== Kind.TCP_CLOSE && what !== Kind.TCP_RETRANSMIT) continue
        if (!endpoints.table.get(endpoints.destination(batch, i)).labels.includes(APISERVER)) continue
        if (what === Kind.TCP_RETRANSMIT) silent.add(silent.series('no_response'), weight[i]!)
        else if (rttUs[i] !== 0) latency.observe(latency.series(), rttUs[i]! / 1_000, weight[i]!)
        if (what === Kind.TCP_CONNECT) handshake.observe(handshake.series(), detail[i]! / 1_000, weight[i]!)
      }
    },
  }
}
