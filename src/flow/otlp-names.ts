/**
 * Names of every attribute of a flow as OTLP log record, in one place: there is no accepted convention for flows yet
 * (semantic conventions 1.44), so they will be renamed one day. `source.*`, `destination.*`, `network.*`, `dns.*`,
 * `http.*`, `url.*`, `k8s.*` and `error.type` are OpenTelemetry's; `hubble.*` are fields of Hubble's `flow.Flow`; `flow.*` are our own.
 */
export const FLOW_EVENT = 'network.flow'

export const Name = {
  sourceAddress: 'source.address',
  sourcePort: 'source.port',
  destinationAddress: 'destination.address',
  destinationPort: 'destination.port',
  transport: 'network.transport',
  ipVersion: 'network.type',
  l7Protocol: 'network.protocol.name',
  interfaceName: 'network.interface.name',
  errorType: 'error.type',
  dnsName: 'dns.question.name',
  dnsAnswers: 'dns.answers',
  httpMethod: 'http.request.method',
  httpCode: 'http.response.status_code',
  urlFull: 'url.full',
  protocolVersion: 'network.protocol.version',

  verdict: 'hubble.verdict',
  type: 'hubble.type',
  eventType: 'hubble.event_type',
  observationPoint: 'hubble.trace_observation_point',
  direction: 'hubble.traffic_direction',
  isReply: 'hubble.is_reply',
  dropReason: 'hubble.drop_reason',
  summary: 'hubble.summary',
  nodeName: 'hubble.node_name',
  uuid: 'hubble.uuid',
  traceId: 'hubble.trace_id',
  l7Type: 'hubble.l7.type',
  dnsQtypes: 'hubble.dns.qtypes',
  dnsRrtypes: 'hubble.dns.rrtypes',
  dnsRcode: 'hubble.dns.rcode',
  dnsTtl: 'hubble.dns.ttl',
  dnsCnames: 'hubble.dns.cnames',
  latency: 'hubble.l7.latency_ns',

  tcpFlags: 'flow.tcp.flags',
  icmpType: 'flow.icmp.type',
  icmpCode: 'flow.icmp.code',
  interfaceIndex: 'flow.interface.index',
} as const

/** The extensions of a flow (see `visitExtensions`) by their keys in the Hubble API. */
export const EXTENSION_NAMES = {
  packets: 'flow.packets',
  bytes: 'flow.bytes',
  report: 'flow.report',
  weight: 'flow.sampling.weight',
  vlan: 'flow.vlan.id',
  rtt_us: 'flow.tcp.rtt_us',
  connect_us: 'flow.tcp.connect_us',
  retransmits: 'flow.tcp.retransmits',
  reset: 'flow.tcp.reset',
  tcp_old_state: 'flow.tcp.old_state',
  tcp_new_state: 'flow.tcp.new_state',
  drop_reason: Name.errorType,
  drop_location: 'flow.drop.location',
  source_node: 'source.k8s.node.name',
  source_zone: 'source.cloud.availability_zone',
  destination_node: 'destination.k8s.node.name',
  destination_zone: 'destination.cloud.availability_zone',
} as const

/** What is known of one end. */
export interface EndNames {
  readonly identity: string
  readonly labels: string
  readonly names: string
  readonly namespace: string
  readonly podName: string
  readonly clusterName: string
  readonly service: string
  readonly serviceNamespace: string
  readonly workload: string
  readonly workloadKind: string
  readonly node: string
  readonly zone: string
}

/** Kinds of workloads that have an attribute of their own (`k8s.deployment.name`), beside that of all kinds. */
export const WORKLOAD_KINDS = ['Deployment', 'ReplicaSet', 'StatefulSet', 'DaemonSet', 'Job', 'CronJob'] as const

/** The attribute of one kind of workload. */
export function workloadName(end: 'source' | 'destination', kind: (typeof WORKLOAD_KINDS)[number]): string {
  return `${end}.k8s.${kind.toLowerCase()}.name`
}

function endNames(end: 'source' | 'destination'): EndNames {
  return {
    identity: `hubble.${end}.identity`,
    labels: `hubble.${end}.labels`,
    names: `hubble.${end}_names`,
    namespace: `${end}.k8s.namespace.name`,
    podName: `${end}.k8s.pod.name`,
    clusterName: `${end}.k8s.cluster.name`,
    service: `${end}.k8s.service.name`,
    serviceNamespace: `${end}.k8s.service.namespace`,
    workload: `${end}.k8s.workload.name`,
    workloadKind: `${end}.k8s.workload.kind`,
    node: EXTENSION_NAMES[`${end}_node`],
    zone: EXTENSION_NAMES[`${end}_zone`],
  }
}

export const SOURCE = endNames('source')
export const DESTINATION = endNames('destination')
