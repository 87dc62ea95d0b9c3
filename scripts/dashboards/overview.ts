import { type BoardOptions, board, type Section } from './board.ts'
import { graph, stat, table } from './panel.ts'
import { ENDS, of, quantile, rate, sum, top, touching } from './query.ts'

const DNS_FAILED = 'rcode!~"No Error|Non-Existent Domain"'

const signs: Section = {
  title: 'Is something wrong? A number that is not green leads to its dashboard',
  panels: [
    stat({
      title: 'Nodes that report',
      description: 'Agents whose metrics arrive. Fewer than nodes: see “Agents”, and the alert FoveaAgentDown.',
      unit: 'none',
      query: `count(${of('otelcol_process_uptime', 'job=~".*fovea.*"')})`,
      opens: 'fovea-agents',
    }),
    stat({
      title: 'Dropped packets',
      description: 'Packets that the kernel dropped, of all reasons. The table below says who lost them, and why.',
      unit: 'pps',
      query: `sum(${touching('fovea_drop_packets_total')})`,
      limits: [1, 100],
      opens: 'fovea-drops',
    }),
    stat({
      title: 'Failed DNS answers',
      description:
        'Part of DNS answers with an error other than “no such name”. Anything above 1 % breaks applications.',
      unit: 'percentunit',
      query: `sum(${touching('fovea_dns_latency_seconds_count', DNS_FAILED)}) / sum(${touching('fovea_dns_latency_seconds_count')}) or 0 * sum(${touching('fovea_dns_latency_seconds_count')})`,
      limits: [0.01, 0.05],
      opens: 'fovea-dns',
    }),
    stat({
      title: 'TCP segments sent again',
      description: 'Segments that got lost on the way, or whose acknowledgement did. Look for the pair in “TCP”.',
      unit: 'pps',
      query: `sum(${touching('fovea_tcp_retransmits_total')})`,
      limits: [10, 100],
      opens: 'fovea-tcp',
    }),
    stat({
      title: 'TCP resets',
      description:
        'Connections of clients and servers here that the other end refused or cut off. Many from one server: nothing listens there, or it is overloaded.',
      unit: 'cps',
      query: `sum(${touching('fovea_tcp_resets_total', 'direction="received"')})`,
      limits: [10, 100],
      opens: 'fovea-tcp',
    }),
    stat({
      title: 'Events not observed',
      description: 'Records that the agents lost: as long as it is not 0, all other numbers are too low.',
      unit: 'cps',
      query: `sum(${rate(of('fovea_ebpf_ring_full_records'))}) + sum(${rate(of('fovea_ebpf_lost_records'))}) + sum(${rate(of('fovea_ebpf_missed_events'))})`,
      limits: [0.01, 10],
      opens: 'fovea-agents',
    }),
  ],
}

const losses: Section = {
  title: 'Packets do not arrive: who, why, where',
  panels: [
    table({
      title: 'Who loses packets to whom',
      description:
        'Read the reason: NETFILTER_DROP or IPTABLE_RULE_DROP is a rule or policy, NO_SOCKET means nobody listens, *_RCVBUFF a reader that is too slow. The whole story is in “Drops”.',
      unit: 'pps',
      query: top(20, `${ENDS}, reason`, touching('fovea_drop_packets_total')),
      value: 'Packets',
      columns: {
        source_namespace: 'From namespace',
        source_workload: 'From',
        source_reserved: 'From (no pod)',
        destination_namespace: 'To namespace',
        destination_workload: 'To',
        destination_reserved: 'To (no pod)',
        reason: 'Reason',
      },
      width: 14,
    }),
    graph({
      title: 'Dropped packets by reason',
      description: 'A new colour is a new cause: compare its start with roll-outs and changes of policies.',
      unit: 'pps',
      queries: [[sum('reason', touching('fovea_drop_packets_total')), '{{reason}}']],
      width: 10,
      stacked: true,
    }),
  ],
}

const quality: Section = {
  title: 'How well do connections and names work',
  panels: [
    graph({
      title: 'TCP: time to connect',
      description: 'From SYN to the established connection. Steps at 1 s and 3 s are SYNs that got lost.',
      unit: 's',
      queries: [0.5, 0.95, 0.99].map((q) => [
        quantile(q, '', touching('fovea_tcp_connect_seconds_bucket')),
        `p${q * 100}`,
      ]),
      width: 8,
    }),
    graph({
      title: 'TCP: round-trip time',
      description: 'As the kernel smooths it. It grows with queues: see interfaces and zones.',
      unit: 's',
      queries: [0.5, 0.95, 0.99].map((q) => [quantile(q, '', touching('fovea_tcp_rtt_seconds_bucket')), `p${q * 100}`]),
      width: 8,
    }),
    graph({
      title: 'DNS: time to answer',
      description: 'From query to answer, where both were seen. Steps at 5 s are resolvers that do not answer.',
      unit: 's',
      queries: [0.5, 0.95, 0.99].map((q) => [
        quantile(q, '', touching('fovea_dns_latency_seconds_bucket')),
        `p${q * 100}`,
      ]),
      width: 8,
    }),
  ],
}

const nodes: Section = {
  title: 'Traffic and nodes',
  panels: [
    graph({
      title: 'Traffic by place',
      description:
        'to-stack: sent by pods. to-endpoint: received by pods. from- and to-network: through the node’s own interfaces. One packet is counted at every place, so they do not add up.',
      unit: 'Bps',
      queries: [[sum('observation_point', touching('fovea_flow_bytes_total')), '{{observation_point}}']],
      width: 8,
    }),
    graph({
      title: 'Connection tracking table in use',
      description:
        'Full, new connections are dropped. Raise net.netfilter.nf_conntrack_max, or find who opens so many.',
      unit: 'percentunit',
      queries: [
        [
          `max by (node, instance) (${of('system_network_conntrack_count')} / ${of('system_network_conntrack_max')})`,
          '{{node}} {{instance}}',
        ],
      ],
      width: 8,
    }),
    graph({
      title: 'Errors and drops of interfaces',
      description:
        'Below IP: cables, drivers, full queues. Which counter of the driver it is shows fovea_node_interface_driver.',
      unit: 'pps',
      queries: [
        [
          sum('node, network_interface_name', rate(of('system_network_errors_total'))),
          '{{node}} {{network_interface_name}} errors',
        ],
        [
          sum('node, network_interface_name', rate(of('system_network_packet_dropped_total'))),
          '{{node}} {{network_interface_name}} drops',
        ],
      ],
      width: 8,
    }),
  ],
}

const OPTIONS: BoardOptions = {
  uid: 'fovea-overview',
  title: 'fovea / Overview',
  description: 'Where to begin: is something lost, by whom, why and where.',
  variables: ['namespace', 'workload'],
  sections: [signs, losses, quality, nodes],
}

export const overview = board(OPTIONS)
