import { board, type Section } from './board.ts'
import { graph, stat, table } from './panel.ts'
import { ENDS, end, of, rate, received, sent, sum, top, touching } from './query.ts'

/** A packet is counted at every point that sees it: one point at a time. */
const AT = 'observation_point="$point"'

const numbers: Section = {
  title: 'The chosen namespaces and workloads, at the chosen place',
  panels: [
    stat({
      title: 'Sent',
      description: 'Bytes of layer 2 frames from the chosen ends.',
      unit: 'Bps',
      query: `sum(${sent('fovea_flow_bytes_total', AT)})`,
      width: 6,
    }),
    stat({
      title: 'Received',
      description: 'Bytes of layer 2 frames to the chosen ends.',
      unit: 'Bps',
      query: `sum(${received('fovea_flow_bytes_total', AT)})`,
      width: 6,
    }),
    stat({
      title: 'Packets, both ways',
      description: 'Packets of the wire: segments of offloads are counted one by one.',
      unit: 'pps',
      query: `sum(${touching('fovea_flow_packets_total', AT)})`,
      width: 6,
    }),
    stat({
      title: 'Pairs that talk',
      description: 'Pairs of workloads with traffic. A sudden rise is a scan, a mesh, or labels that are too fine.',
      unit: 'none',
      query: `count(${sum(ENDS, touching('fovea_flow_bytes_total', AT))} > 0)`,
      width: 6,
    }),
  ],
}

const ends: Section = {
  title: 'Who talks to whom',
  panels: [
    table({
      title: 'Pairs by bytes',
      description: 'Both ends of the heaviest pairs. A pair that you expect and do not see: look in “Drops”.',
      unit: 'Bps',
      query: top(50, `${ENDS}, source_node, destination_node, protocol`, touching('fovea_flow_bytes_total', AT)),
      value: 'Bytes',
      columns: {
        source_namespace: 'From namespace',
        source_workload: 'From',
        source_reserved: 'From (no pod)',
        source_node: 'From node',
        destination_namespace: 'To namespace',
        destination_workload: 'To',
        destination_reserved: 'To (no pod)',
        destination_node: 'To node',
        protocol: 'Protocol',
      },
    }),
    graph({
      title: 'Sent, by who receives it',
      description: 'What the chosen ends send, by destination.',
      unit: 'Bps',
      queries: [
        [
          top(
            10,
            'destination_namespace, destination_workload, destination_reserved',
            sent('fovea_flow_bytes_total', AT),
          ),
          end('destination'),
        ],
      ],
      stacked: true,
    }),
    graph({
      title: 'Received, by who sent it',
      description: 'What the chosen ends receive, by source.',
      unit: 'Bps',
      queries: [
        [
          top(10, 'source_namespace, source_workload, source_reserved', received('fovea_flow_bytes_total', AT)),
          end('source'),
        ],
      ],
      stacked: true,
    }),
  ],
}

const kinds: Section = {
  title: 'What kind of traffic',
  panels: [
    graph({
      title: 'Packets by protocol and verdict',
      description: 'A share of ICMP that grows is often “unreachable” or “too big”: see hubble_icmp_total.',
      unit: 'pps',
      queries: [[sum('protocol, verdict', touching('fovea_flow_packets_total', AT)), '{{protocol}} {{verdict}}']],
      width: 8,
      stacked: true,
    }),
    graph({
      title: 'Services by bytes',
      description: 'By the Kubernetes service that the destination’s address or port belongs to.',
      unit: 'Bps',
      queries: [
        [
          top(
            10,
            'destination_namespace, destination_service',
            touching('fovea_flow_bytes_total', AT, 'destination_service!=""'),
          ),
          '{{destination_namespace}}/{{destination_service}}',
        ],
      ],
      width: 8,
    }),
    graph({
      title: 'Destination ports',
      description: 'Flows by destination port, of the whole cluster. A port that nobody knows deserves a question.',
      unit: 'cps',
      queries: [[top(10, 'protocol, port', rate(of('hubble_port_distribution_total'))), '{{protocol}} {{port}}']],
      width: 8,
    }),
    graph({
      title: 'To and from the world',
      description: 'Traffic that leaves or enters the cluster: usually what costs money.',
      unit: 'Bps',
      queries: [
        [
          top(
            5,
            'source_namespace, source_workload',
            sent('fovea_flow_bytes_total', AT, 'destination_reserved="world"'),
          ),
          'from {{source_namespace}}/{{source_workload}}',
        ],
        [
          top(
            5,
            'destination_namespace, destination_workload',
            received('fovea_flow_bytes_total', AT, 'source_reserved="world"'),
          ),
          'to {{destination_namespace}}/{{destination_workload}}',
        ],
      ],
    }),
    graph({
      title: 'Between zones',
      description: 'Bytes by zone of both ends. Lines between different zones cost latency and money.',
      unit: 'Bps',
      queries: [
        [
          sum(
            'source_zone, destination_zone',
            touching('fovea_flow_bytes_total', AT, 'source_zone!=""', 'destination_zone!=""'),
          ),
          '{{source_zone}} → {{destination_zone}}',
        ],
      ],
    }),
  ],
}

export const traffic = board({
  uid: 'fovea-traffic',
  title: 'fovea / Traffic',
  description: 'Packets and bytes of workloads, with both ends.',
  variables: ['namespace', 'workload', 'point'],
  sections: [numbers, ends, kinds],
})
