/** Series as promtool writes them: `name{labels}` and values, one a minute. */
export type Input = readonly [series: string, values: string]

/** When an alert fires, and when it does not although there is something. */
export interface AlertCase {
  fires: readonly Input[]
  quiet: readonly Input[]
}

const PAIR =
  'cluster="east",source_namespace="shop",source_workload="report",destination_namespace="store",destination_workload="cart"'
const CLIENT = 'cluster="east",source_workload="coredns",destination_namespace="shop",destination_workload="report"'
const SOURCE = 'cluster="east",source_namespace="shop",source_workload="report"'
const AGENT = 'cluster="east",node="node-1",instance="10.0.0.1:8888",job="fovea"'

/** A counter that grows by so much a second. */
function rising(series: string, perSecond: number): Input {
  return [series, `0+${perSecond * 60}x60`]
}

/** A value that stays. */
function steady(series: string, value: number): Input {
  return [series, `${value}x60`]
}

function counter(series: string, fires: number, quiet: number): AlertCase {
  return { fires: [rising(series, fires)], quiet: [rising(series, quiet)] }
}

function drops(reason: string, fires: number, quiet: number): AlertCase {
  return counter(`fovea_drop_packets_total{${PAIR},reason="${reason}",location="f"}`, fires, quiet)
}

/** Counts of a histogram: so many below a bound, and all. */
function histogram(name: string, labels: string, below: Readonly<Record<string, number>>): Input[] {
  return Object.entries(below).map(([le, perSecond]) => rising(`${name}_bucket{${labels},le="${le}"}`, perSecond))
}

function answers(failed: number): Input[] {
  const name = 'fovea_dns_latency_seconds_count'
  return [
    rising(`${name}{${CLIENT},rcode="No Error"}`, 10),
    rising(`${name}{${CLIENT},rcode="Non-Existent Domain"}`, 10),
    rising(`${name}{${CLIENT},rcode="Server Failure"}`, failed),
  ]
}

function dns(answered: number): Input[] {
  const labels = 'cluster="east",instance="10.0.0.1:9965"'
  return [rising(`hubble_dns_queries_total{${labels}}`, 100), rising(`hubble_dns_responses_total{${labels}}`, answered)]
}

function segments(again: number, all: number): Input[] {
  return [
    rising(`fovea_tcp_retransmits_total{${SOURCE}}`, again),
    rising(`fovea_flow_packets_total{${SOURCE},protocol="TCP",observation_point="to-stack"}`, all),
    // The same packets at another place: they must not be counted twice.
    rising(`fovea_flow_packets_total{${SOURCE},protocol="TCP",observation_point="to-network"}`, all),
  ]
}

function conntrack(count: number): Input[] {
  return [
    steady(`system_network_conntrack_count{${AGENT}}`, count),
    steady(`system_network_conntrack_max{${AGENT}}`, 1_000),
  ]
}

function queue(size: number): Input[] {
  const labels = `${AGENT},exporter="otlp_grpc",data_type="logs"`
  return [
    steady(`otelcol_exporter_queue_size{${labels}}`, size),
    steady(`otelcol_exporter_queue_capacity{${labels}}`, 100),
  ]
}

function lost(ring: number): Input[] {
  return [
    rising(`fovea_ebpf_ring_full_records{${AGENT}}`, ring),
    rising(`fovea_ebpf_lost_records{${AGENT},reason="worker"}`, 0),
    rising(`fovea_ebpf_lost_records{${AGENT},reason="undecodable"}`, 0),
    rising(`fovea_ebpf_missed_events{${AGENT}}`, 0),
  ]
}

/** Tests begin in 1970. */
function certificate(days: number): Input[] {
  return [steady(`fovea_tls_certificate_not_after_seconds{${AGENT},otelcol_component_id="hubble"}`, days * 86_400)]
}

/** By name of the alert. */
export const ALERT_CASES: Readonly<Record<string, AlertCase>> = {
  FoveaPolicyDrops: drops('NETFILTER_DROP', 2, 0.5),
  FoveaQueueDrops: drops('SOCKET_RCVBUFF', 2, 0.5),
  FoveaRoutingDrops: drops('IP_OUTNOROUTES', 2, 0.5),
  FoveaNobodyListens: drops('NO_SOCKET', 6, 4),
  FoveaDnsErrors: { fires: answers(2), quiet: answers(0.5) },
  FoveaDnsSlow: {
    fires: histogram('fovea_dns_latency_seconds', CLIENT, { 0.5: 9, 1: 10, '+Inf': 10 }),
    quiet: histogram('fovea_dns_latency_seconds', CLIENT, { 0.1: 9.9, 1: 10, '+Inf': 10 }),
  },
  FoveaDnsUnanswered: { fires: dns(80), quiet: dns(95) },
  FoveaTcpRetransmits: { fires: segments(6, 100), quiet: segments(4, 100) },
  FoveaTcpConnectSlow: {
    fires: histogram('fovea_tcp_connect_seconds', PAIR, { 0.5: 9, 1: 9, 2.5: 10, '+Inf': 10 }),
    quiet: histogram('fovea_tcp_connect_seconds', PAIR, { 0.5: 9.9, 1: 9.9, 2.5: 10, '+Inf': 10 }),
  },
  FoveaTcpResets: {
    fires: [rising(`fovea_tcp_resets_total{${PAIR},direction="sent"}`, 6)],
    quiet: [rising(`fovea_tcp_resets_total{${PAIR},direction="received"}`, 6)],
  },
  FoveaConntrackFull: { fires: conntrack(950), quiet: conntrack(800) },
  FoveaConntrackDrops: {
    fires: [rising(`fovea_node_conntrack_events_total{${AGENT},event="drop"}`, 2)],
    quiet: [rising(`fovea_node_conntrack_events_total{${AGENT},event="found"}`, 2)],
  },
  FoveaListenOverflow: {
    fires: [rising(`fovea_node_protocol_statistics_total{${AGENT},protocol="TcpExt",statistic="ListenOverflows"}`, 1)],
    quiet: [rising(`fovea_node_protocol_statistics_total{${AGENT},protocol="TcpExt",statistic="DelayedACKs"}`, 1)],
  },
  FoveaInterfaceErrors: counter(`system_network_errors_total{${AGENT},network_interface_name="eth0"}`, 2, 0.5),
  FoveaAgentDown: { fires: [steady(`up{${AGENT}}`, 0)], quiet: [steady(`up{${AGENT}}`, 1)] },
  FoveaAgentRestarts: {
    fires: [[`otelcol_process_uptime{${AGENT}}`, '0+60x12 0+60x12 0+60x12 0+60x20']],
    quiet: [[`otelcol_process_uptime{${AGENT}}`, '0+60x12 0+60x50']],
  },
  FoveaEventsLost: { fires: lost(2), quiet: lost(0.5) },
  FoveaFlowsRefused: counter(`otelcol_receiver_refused_flows{${AGENT},receiver="ebpf"}`, 2, 0.5),
  FoveaTableFull: counter(`fovea_ebpf_table_full_packets{${AGENT}}`, 2, 0.5),
  FoveaAttachFailures: counter(`fovea_ebpf_attach_failures{${AGENT}}`, 0.1, 0),
  FoveaNothingObserved: {
    fires: [steady(`fovea_ebpf_interfaces{${AGENT},role="endpoint"}`, 0)],
    quiet: [
      steady(`fovea_ebpf_interfaces{${AGENT},role="endpoint"}`, 0),
      steady(`fovea_ebpf_interfaces{${AGENT},role="network"}`, 1),
    ],
  },
  FoveaExportFails: counter(`otelcol_exporter_send_failed_flows{${AGENT},exporter="otlp_grpc"}`, 1, 0.05),
  FoveaQueueFull: { fires: queue(90), quiet: queue(70) },
  FoveaSeriesOverflow: counter(`fovea_connector_overflows_total{${AGENT},metric="flow"}`, 1, 0),
  FoveaEventLoopBusy: counter(`fovea_process_event_loop_seconds{${AGENT},state="active"}`, 0.95, 0.5),
  FoveaCertificateExpires: { fires: certificate(6), quiet: certificate(30) },
  FoveaClusterUnknown: {
    fires: [steady(`fovea_kubernetes_addresses{${AGENT}}`, 0)],
    quiet: [steady(`fovea_kubernetes_addresses{${AGENT}}`, 10)],
  },
}
