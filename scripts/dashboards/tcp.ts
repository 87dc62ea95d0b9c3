import { board, type Section } from './board.ts'
import { graph, heatmap, stat, table } from './panel.ts'
import { ENDS, end, of, quantile, rate, sum, top, touching } from './query.ts'

const PAIR = {
  source_namespace: 'From namespace',
  source_workload: 'From',
  source_reserved: 'From (no pod)',
  destination_namespace: 'To namespace',
  destination_workload: 'To',
  destination_reserved: 'To (no pod)',
}

/** Segments that were sent by pods or hosts here; each once. */
const SEGMENTS = touching('fovea_flow_packets_total', 'protocol="TCP"', 'observation_point=~"to-stack|to-network"')

const quantiles = (metric: string) =>
  [0.5, 0.95, 0.99].map((q) => [quantile(q, '', touching(`${metric}_bucket`)), `p${q * 100}`] as const)

const numbers: Section = {
  title: 'Connections of the chosen namespaces and workloads',
  panels: [
    stat({
      title: 'Connections made',
      description: 'Clients’ connections that were established.',
      unit: 'cps',
      query: `sum(${touching('fovea_tcp_connect_seconds_count')})`,
    }),
    stat({
      title: 'Connect, slowest 5 %',
      description: 'From 1 s on SYNs get lost: see retransmissions and drops.',
      unit: 's',
      query: quantile(0.95, '', touching('fovea_tcp_connect_seconds_bucket')),
      limits: [0.1, 1],
    }),
    stat({
      title: 'Round trip, slowest 5 %',
      description: 'Within a zone well below 2 ms. Higher: queues, distance, or a busy node.',
      unit: 's',
      query: quantile(0.95, '', touching('fovea_tcp_rtt_seconds_bucket')),
      limits: [0.05, 0.2],
    }),
    stat({
      title: 'Segments sent again',
      description: 'Above 1 % throughput suffers, above 5 % applications time out.',
      unit: 'percentunit',
      query: `sum(${touching('fovea_tcp_retransmits_total')}) / sum(${SEGMENTS})`,
      limits: [0.01, 0.05],
    }),
    stat({
      title: 'Resets sent',
      description:
        'Seen where they left. Nothing listens, or an application gives up. Within the cluster the same ones arrive.',
      unit: 'cps',
      query: `sum(${touching('fovea_tcp_resets_total', 'direction="sent"')})`,
    }),
    stat({
      title: 'Resets received',
      description: 'Seen where they arrived: the other end refused or cut off.',
      unit: 'cps',
      query: `sum(${touching('fovea_tcp_resets_total', 'direction="received"')})`,
    }),
  ],
}

const times: Section = {
  title: 'Times',
  panels: [
    graph({
      title: 'Time to connect',
      description: 'Lines at 1, 3 and 7 s are lost SYNs: a policy that drops, or a full backlog of the server.',
      unit: 's',
      queries: quantiles('fovea_tcp_connect_seconds'),
    }),
    graph({
      title: 'Round-trip time',
      description: 'Smoothed by the kernel, taken when a connection is set up and when it closes.',
      unit: 's',
      queries: quantiles('fovea_tcp_rtt_seconds'),
    }),
    heatmap({
      title: 'Round-trip time, all connections',
      description: 'Bands are zones and places: a new band is a new path.',
      unit: 's',
      query: sum('le', touching('fovea_tcp_rtt_seconds_bucket')),
    }),
    graph({
      title: 'Round-trip time by zones, slowest 5 %',
      description: 'One pair of zones that grows: the link between them.',
      unit: 's',
      queries: [
        [
          quantile(0.95, 'source_zone, destination_zone', touching('fovea_tcp_rtt_seconds_bucket')),
          '{{source_zone}} → {{destination_zone}}',
        ],
      ],
    }),
    table({
      title: 'Slowest pairs to connect (mean)',
      description: 'Who waits for whom. One destination with many sources: the server. One source: its node.',
      unit: 's',
      query: `topk(20, ${sum(ENDS, touching('fovea_tcp_connect_seconds_sum'))} / (${sum(ENDS, touching('fovea_tcp_connect_seconds_count'))} > 0))`,
      value: 'Connect',
      columns: PAIR,
      width: 12,
    }),
    table({
      title: 'Longest round trips (mean)',
      description: 'Distance or queues between these two.',
      unit: 's',
      query: `topk(20, ${sum(ENDS, touching('fovea_tcp_rtt_seconds_sum'))} / (${sum(ENDS, touching('fovea_tcp_rtt_seconds_count'))} > 0))`,
      value: 'Round trip',
      columns: PAIR,
      width: 12,
    }),
  ],
}

const trouble: Section = {
  title: 'Losses and resets',
  panels: [
    table({
      title: 'Pairs that send again',
      description: 'Look for drops of the same pair; without any, the packets get lost outside of the nodes.',
      unit: 'pps',
      query: top(20, ENDS, touching('fovea_tcp_retransmits_total')),
      value: 'Segments',
      columns: PAIR,
      width: 12,
    }),
    table({
      title: 'Pairs with resets',
      description:
        'The source is who reset: it refused or gave up. sent: seen where it left; received: where it arrived.',
      unit: 'cps',
      query: top(20, `${ENDS}, direction`, touching('fovea_tcp_resets_total')),
      value: 'Resets',
      columns: { ...PAIR, direction: 'Direction' },
      width: 12,
    }),
    graph({
      title: 'Sent again, by source',
      description: 'All workloads of one node: the node’s network.',
      unit: 'pps',
      queries: [
        [
          top(10, 'source_namespace, source_workload, source_reserved', touching('fovea_tcp_retransmits_total')),
          end('source'),
        ],
      ],
    }),
    graph({
      title: 'Flags of flows',
      description: 'Of the whole cluster. SYN without as many SYN-ACK: servers that do not answer.',
      unit: 'cps',
      queries: [[sum('flag', rate(of('hubble_tcp_flags_total'))), '{{flag}}']],
    }),
  ],
}

const kernel: Section = {
  title: 'Sockets of the nodes',
  panels: [
    graph({
      title: 'Sockets by state',
      description: 'close_wait that grows: an application forgets to close. time_wait: many short connections.',
      unit: 'none',
      queries: [
        [sum('network_connection_state', of('system_network_connection_count')), '{{network_connection_state}}'],
      ],
    }),
    graph({
      title: 'What TCP suffered',
      description:
        'ListenOverflows: a server accepts too slowly. TCPTimeouts, TCPLostRetransmit: losses. TCPAbortOn…: connections given up.',
      unit: 'cps',
      queries: [
        [
          `topk(15, ${sum('statistic', rate(of('fovea_node_protocol_statistics_total', 'protocol="TcpExt"', 'statistic=~"Listen.*|TCPTimeouts|TCPLostRetransmit|TCPAbort.*|TCPBacklogDrop|TCPSynRetrans|PruneCalled"')))})`,
          '{{statistic}}',
        ],
      ],
    }),
  ],
}

export const tcp = board({
  uid: 'fovea-tcp',
  title: 'fovea / TCP',
  description: 'Round trips, set-up times, retransmissions and resets of TCP, by pair.',
  variables: ['namespace', 'workload'],
  sections: [numbers, trouble, times, kernel],
})
