import { board, type Section } from './board.ts'
import { graph, table, text } from './panel.ts'
import { ENDS, end, of, rate, received, sent, sum, top, touching } from './query.ts'

const WHAT_TO_DO = `
| Reason | What it means | What to do |
|---|---|---|
| \`NETFILTER_DROP\`, \`IPTABLE_RULE_DROP\` | a rule of nftables or iptables, often a NetworkPolicy | look at the policies of both namespaces; \`nft list ruleset\` on the node |
| \`NO_SOCKET\` | nobody listens at the destination's port | is the container up, the port right, an old endpoint still in use? |
| \`SOCKET_RCVBUFF\`, \`SOCKET_BACKLOG\`, \`PROTO_MEM\` | the receiver reads too slowly | give it CPU, or larger buffers (net.core.rmem_max, tcp_mem) |
| \`TCP_LISTEN_OVERFLOW\` | the server accepts too slowly | raise its backlog and net.core.somaxconn, add replicas |
| \`QDISC_DROP\`, \`QDISC_OVERLIMIT\`, \`FULL_RING\`, \`CPU_BACKLOG\` | a queue of the node is full | look at its bandwidth, at interrupts on one CPU, at shaping |
| \`IP_RPFILTER\`, \`IP_NOPROTO\`, \`IP_INADDRERRORS\`, \`IP_OUTNOROUTES\` | routing: wrong interface, no route | compare routes of the node with those of its neighbours |
| \`NEIGH_FAILED\`, \`NEIGH_QUEUEFULL\` | the next hop does not answer ARP or neighbour discovery | is the next hop up? is the neighbour table full (gc_thresh3)? |
| \`PKT_TOO_BIG\`, \`IP_INHDR\` | MTU | compare the MTU of pods, tunnels and nodes |

The place is the kernel's function that dropped. \`hubble observe --verdict DROPPED --namespace …\` on the node shows the packets themselves.
`

const why: Section = {
  title: 'Why and where',
  panels: [
    graph({
      title: 'By reason',
      description: 'The kernel’s own name of the reason. What each one means is at the bottom.',
      unit: 'pps',
      queries: [[sum('reason', touching('fovea_drop_packets_total')), '{{reason}}']],
      width: 8,
      stacked: true,
    }),
    graph({
      title: 'By place',
      description:
        'The kernel’s function that dropped: nf_hook_slow and nft_do_chain are rules, tcp_v4_rcv is a socket.',
      unit: 'pps',
      queries: [[sum('location', touching('fovea_drop_packets_total')), '{{location}}']],
      width: 8,
      stacked: true,
    }),
    graph({
      title: 'By node',
      description: 'On one node alone: look at that node. On all: at a policy or a server.',
      unit: 'pps',
      queries: [[sum('node, instance', touching('fovea_drop_packets_total')), '{{node}} {{instance}}']],
      width: 8,
      stacked: true,
    }),
  ],
}

const who: Section = {
  title: 'Who',
  panels: [
    table({
      title: 'Pairs that lose packets',
      description: 'Both ends, why and where. Choose a namespace and workload above to see theirs alone.',
      unit: 'pps',
      query: top(50, `${ENDS}, reason, location, node`, touching('fovea_drop_packets_total')),
      value: 'Packets',
      columns: {
        source_namespace: 'From namespace',
        source_workload: 'From',
        source_reserved: 'From (no pod)',
        destination_namespace: 'To namespace',
        destination_workload: 'To',
        destination_reserved: 'To (no pod)',
        reason: 'Reason',
        location: 'Place',
        node: 'Node',
      },
    }),
    graph({
      title: 'Lost on the way to',
      description: 'Destinations that do not get their packets.',
      unit: 'pps',
      queries: [
        [
          top(
            10,
            'destination_namespace, destination_workload, destination_reserved',
            received('fovea_drop_packets_total'),
          ),
          end('destination'),
        ],
      ],
    }),
    graph({
      title: 'Lost by',
      description: 'Sources whose packets do not arrive.',
      unit: 'pps',
      queries: [
        [
          top(10, 'source_namespace, source_workload, source_reserved', sent('fovea_drop_packets_total')),
          end('source'),
        ],
      ],
    }),
    graph({
      title: 'Bytes dropped',
      description:
        'Few packets with many bytes are bulk transfers that stall; many small ones are connections that fail.',
      unit: 'Bps',
      queries: [[sum('reason', touching('fovea_drop_bytes_total')), '{{reason}}']],
    }),
    graph({
      title: 'As Hubble counts them',
      description:
        'hubble_drop_total, of all namespaces: flows, and a drop by a policy twice. For comparison with Cilium’s dashboards.',
      unit: 'cps',
      queries: [[sum('reason, protocol', rate(of('hubble_drop_total'))), '{{reason}} {{protocol}}']],
    }),
  ],
}

const node: Section = {
  title: 'What the nodes’ own counters say',
  panels: [
    graph({
      title: 'Interfaces',
      description: 'Packets that an interface or its driver threw away before IP saw them: ring sizes, bandwidth.',
      unit: 'pps',
      queries: [
        [
          sum('node, network_interface_name, network_io_direction', rate(of('system_network_packet_dropped_total'))),
          '{{node}} {{network_interface_name}} {{network_io_direction}}',
        ],
      ],
      width: 8,
    }),
    graph({
      title: 'Protocols',
      description: 'Statistics of IP, TCP and UDP that tell of losses; the kernel’s names.',
      unit: 'cps',
      queries: [
        [
          `topk(15, ${sum('protocol, statistic', rate(of('fovea_node_protocol_statistics_total', 'statistic=~".*(Drop|Overflow|Discard|Error|Fail|NoRoutes|Prune).*"')))})`,
          '{{protocol}} {{statistic}}',
        ],
      ],
      width: 8,
    }),
    graph({
      title: 'Connection tracking',
      description: 'drop, early_drop: the table is full. insert_failed: two packets raced, typical for DNS over UDP.',
      unit: 'cps',
      queries: [
        [
          sum(
            'node, event',
            rate(of('fovea_node_conntrack_events_total', 'event=~"drop|early_drop|insert_failed|invalid"')),
          ),
          '{{node}} {{event}}',
        ],
      ],
      width: 8,
    }),
    text('Reasons, and what to do', WHAT_TO_DO, 12),
  ],
}

export const drops = board({
  uid: 'fovea-drops',
  title: 'fovea / Drops',
  description: 'Which packets the kernel dropped, why, where, and whose they were.',
  variables: ['namespace', 'workload'],
  sections: [who, why, node],
})
