import { board, type Section } from './board.ts'
import { graph, heatmap, stat } from './panel.ts'
import { own, rate, sum } from './query.ts'

const INSTANCE = '{{node}} {{instance}}'

/** Everything that an agent can lose, with the name of its loss. */
const LOSSES: readonly (readonly [metric: string, by: string, legend: string])[] = [
  ['fovea_ebpf_ring_full_records', '', 'ring full'],
  ['fovea_ebpf_lost_records', 'reason', 'not decoded: {{reason}}'],
  ['fovea_ebpf_missed_events', '', 'interrupted'],
  ['otelcol_receiver_refused_flows', 'receiver', 'refused by the pipeline: {{receiver}}'],
  ['otelcol_receiver_failed_flows', 'receiver', 'lost by {{receiver}}'],
  ['otelcol_exporter_send_failed_flows', 'exporter', 'not sent by {{exporter}}'],
  ['otelcol_exporter_enqueue_failed_flows', 'exporter', 'queue full: {{exporter}}'],
]

const numbers: Section = {
  title: 'Agents',
  panels: [
    stat({
      title: 'Running',
      description: 'Agents whose metrics arrive.',
      unit: 'none',
      query: `count(${own('otelcol_process_uptime')})`,
    }),
    stat({
      title: 'Youngest',
      description: 'How long the agent runs that started last. Minutes, again and again: it dies; see its log.',
      unit: 's',
      query: `min(${own('otelcol_process_uptime')})`,
    }),
    stat({
      title: 'Flows',
      description: 'Flows that receivers gave to pipelines.',
      unit: 'cps',
      query: `sum(${rate(own('otelcol_receiver_accepted_flows'))})`,
    }),
    stat({
      title: 'CPU',
      description: 'Of all agents together, in cores.',
      unit: 'none',
      query: `sum(${rate(own('otelcol_process_cpu_seconds'))})`,
    }),
    stat({
      title: 'Memory of the largest',
      description: 'Resident. It stops growing at the limit of memory_limiter; then flows are refused, and counted.',
      unit: 'bytes',
      query: `max(${own('otelcol_process_memory_rss')})`,
    }),
    stat({
      title: 'Series',
      description: 'Series of hubble_metrics. Much more than expected: choose coarser `ends`, or fewer contexts.',
      unit: 'none',
      query: `sum(${own('fovea_connector_series')})`,
    }),
  ],
}

const losses: Section = {
  title: 'Is anything lost?',
  panels: [
    graph({
      title: 'Lost, by kind',
      description:
        'Any line above 0 means that numbers are too low. ring full: a larger ring_size_mib, or more CPU. refused: memory_limiter. queue full: the backend is slow or away.',
      unit: 'cps',
      queries: LOSSES.map(([metric, by, legend]) => [sum(by, rate(own(metric))), legend]),
    }),
    graph({
      title: 'Not lost, but coarser',
      description:
        'deferred: counts wait for the next record. table full: flows per packet; raise max_connections. overflow: label sets added up in one series.',
      unit: 'cps',
      queries: [
        [`sum(${rate(own('fovea_ebpf_deferred_records'))})`, 'deferred records'],
        [`sum(${rate(own('fovea_ebpf_table_full_packets'))})`, 'packets with the table full'],
        [sum('metric', rate(own('fovea_connector_overflows_total'))), 'overflow of {{metric}}'],
      ],
    }),
    graph({
      title: 'Events Hubble’s clients missed',
      description: 'Clients that read more slowly than flows come. Filters, or a larger ring of the hubble exporter.',
      unit: 'cps',
      queries: [[sum('exporter', rate(own('otelcol_exporter_hubble_lost_events'))), '{{exporter}}']],
      width: 8,
    }),
    graph({
      title: 'Queues of exporters',
      description:
        'Part in use. Full, flows are refused: is the backend up, is the network there, are there enough consumers?',
      unit: 'percentunit',
      queries: [
        [
          `${own('otelcol_exporter_queue_size')} / ${own('otelcol_exporter_queue_capacity')}`,
          `{{exporter}} {{data_type}} ${INSTANCE}`,
        ],
      ],
      width: 8,
    }),
    graph({
      title: 'Interfaces without programs',
      description: 'Attaching failed: the log of the agent says which and why. Their packets are not seen.',
      unit: 'none',
      queries: [[sum('node, instance', `increase(${own('fovea_ebpf_attach_failures')}[$__rate_interval])`), INSTANCE]],
      width: 8,
    }),
  ],
}

const kernel: Section = {
  title: 'From the kernel to the pipeline',
  panels: [
    graph({
      title: 'Packets seen',
      description: 'At all interfaces of a node: its load.',
      unit: 'pps',
      queries: [[sum('node, instance', rate(own('fovea_ebpf_seen_packets'))), INSTANCE]],
      width: 8,
    }),
    graph({
      title: 'Records and flows',
      description: 'Records read from the ring, and flows that came of them.',
      unit: 'cps',
      queries: [
        [sum('', rate(own('fovea_ebpf_records'))), 'records'],
        [sum('receiver', rate(own('otelcol_receiver_accepted_flows'))), 'flows of {{receiver}}'],
      ],
      width: 8,
    }),
    graph({
      title: 'Waiting in the ring',
      description: 'Rises when the agent is behind. Near the size of the ring records get lost.',
      unit: 'bytes',
      queries: [[sum('node, instance', own('fovea_ebpf_ring_waiting_bytes')), INSTANCE]],
      width: 8,
    }),
    graph({
      title: 'Connections tracked',
      description: 'Entries of the kernel’s table of connections. Full, every packet is a flow.',
      unit: 'none',
      queries: [[sum('node, instance', own('fovea_ebpf_connections')), INSTANCE]],
    }),
    graph({
      title: 'Interfaces observed',
      description:
        'endpoint: pods. network: the node’s own. None of a role that should be there: see interfaces in the configuration.',
      unit: 'none',
      queries: [[sum('node, role', own('fovea_ebpf_interfaces')), '{{node}} {{role}}']],
    }),
  ],
}

const process: Section = {
  title: 'Process',
  panels: [
    graph({
      title: 'CPU',
      description:
        'Cores. Twice as much for the same packets: many short connections, DNS, or regular expressions in filters.',
      unit: 'none',
      queries: [[sum('node, instance', rate(own('otelcol_process_cpu_seconds'))), INSTANCE]],
      width: 8,
    }),
    graph({
      title: 'Memory',
      description:
        'Resident, and the JavaScript heap in it. It grows with series, with the ring for clients, with pods.',
      unit: 'bytes',
      queries: [
        [sum('node, instance', own('otelcol_process_memory_rss')), `${INSTANCE} resident`],
        [sum('node, instance', own('otelcol_process_runtime_heap_alloc_bytes')), `${INSTANCE} heap`],
      ],
      width: 8,
    }),
    graph({
      title: 'Event loop busy',
      description:
        'Part of the time that the main thread works. Near 100 % everything waits: fewer metrics, clients or filters.',
      unit: 'percentunit',
      queries: [[sum('node, instance', rate(own('fovea_process_event_loop_seconds', 'state="active"'))), INSTANCE]],
      width: 8,
    }),
  ],
}

const outputs: Section = {
  title: 'Clients and metrics',
  panels: [
    graph({
      title: 'Flows delivered',
      description: 'By exporter; those of the hubble exporter to its clients.',
      unit: 'cps',
      queries: [
        [sum('exporter', rate(own('otelcol_exporter_sent_flows'))), '{{exporter}}'],
        [sum('exporter', rate(own('otelcol_exporter_hubble_sent_flows'))), '{{exporter}} to clients'],
      ],
      width: 8,
    }),
    graph({
      title: 'Hubble’s clients',
      description: 'Streams open now, and flows kept for those who ask.',
      unit: 'none',
      queries: [
        [sum('exporter', own('otelcol_exporter_hubble_streams')), 'streams'],
        [sum('exporter', own('otelcol_exporter_hubble_kept_flows')), 'flows kept'],
      ],
      width: 8,
    }),
    graph({
      title: 'Series by metric',
      description: 'At its limit a metric adds new label sets up in one series (otel_metric_overflow).',
      unit: 'none',
      queries: [[sum('metric', own('fovea_connector_series')), '{{metric}}']],
      width: 8,
    }),
    heatmap({
      title: 'Time to answer scrapes',
      description: 'Longer than the scrape timeout, metrics are missing: fewer series, or a longer timeout.',
      unit: 's',
      query: sum('le', rate(own('hubble_metrics_http_handler_request_duration_seconds_bucket'))),
    }),
    graph({
      title: 'What is known of the cluster',
      description:
        'Addresses that have a name. 0 or much less than pods: rights of the service account, or the API server.',
      unit: 'none',
      queries: [
        [sum('node', own('fovea_kubernetes_addresses')), '{{node}} addresses'],
        [sum('resource', own('fovea_kubernetes_objects')), '{{resource}}'],
      ],
    }),
  ],
}

export const agents = board({
  uid: 'fovea-agents',
  title: 'fovea / Agents',
  description: 'Whether what the other dashboards show is complete, and what observing costs.',
  variables: ['job'],
  sections: [numbers, losses, kernel, process, outputs],
})
