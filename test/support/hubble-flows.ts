import type { FlowBatch, LostEvents } from '../../src/flow/batch.ts'
import { type EndpointTable, endpoint } from '../../src/flow/endpoint.ts'
import {
  Direction,
  EventType,
  FlowType,
  Kind,
  L7Type,
  ObservationPoint,
  Protocol,
  Reply,
  TcpFlag,
  Verdict,
} from '../../src/flow/enums.ts'
import { type FlowRow, flowBatch, TCP_SYN } from './flows.ts'

/** Begin of the sample: 2026-01-02 03:04:00 UTC; each flow is a second younger than the one before. */
export const SAMPLE_MS = Date.UTC(2026, 0, 2, 3, 4, 0)

const REPLY: FlowRow = {
  isReply: Reply.YES,
  source: '10.1.0.2',
  destination: '10.1.0.1',
  sourcePort: 80,
  destinationPort: 40_000,
}
const TO_ENDPOINT: FlowRow = {
  eventSubType: 0,
  observationPoint: ObservationPoint.TO_ENDPOINT,
  direction: Direction.INGRESS,
}
const DNS: FlowRow = {
  kind: Kind.DNS,
  type: FlowType.L7,
  verdict: Verdict.FORWARDED,
  isReply: Reply.NO,
  eventType: EventType.L7,
  eventSubType: 0,
  protocol: Protocol.UDP,
  tcpFlags: 0,
  source: '10.1.0.1',
  destination: '10.1.0.53',
  sourcePort: 5353,
  destinationPort: 53,
}
const DROP: FlowRow = {
  kind: Kind.DROP,
  verdict: Verdict.DROPPED,
  eventType: EventType.DROP,
  observationPoint: 0,
  isReply: Reply.UNKNOWN,
  packets: 1,
}

/** One flow of each sort, from and to pods, this machine and the world. */
export const SAMPLE: readonly FlowRow[] = [
  {
    ...TCP_SYN,
    ...TO_ENDPOINT,
    source: '10.1.0.1',
    destination: '10.1.0.2',
    interfaceIndex: 7,
    interfaceName: 'veth7',
    report: 1,
  },
  { ...TCP_SYN, ...REPLY, tcpFlags: TcpFlag.SYN | TcpFlag.ACK, rttUs: 1_234 },
  {
    ...TCP_SYN,
    ...DROP,
    source: '10.1.0.1',
    destination: '10.1.0.2',
    destinationPort: 81,
    eventSubType: 133,
    dropReason: 133,
    dropReasonName: 'NETFILTER_DROP',
    dropLocation: 'nf_hook_slow+0x93',
  },
  {
    ...TCP_SYN,
    source: '10.1.0.1',
    destination: '8.8.8.8',
    destinationPort: 443,
    destinationNames: 'dns.google',
    eventSubType: 11,
    observationPoint: ObservationPoint.TO_NETWORK,
  },
  { ...DNS, l7: { type: L7Type.REQUEST, query: 'www.google.com.', types: [1] } },
  {
    ...DNS,
    source: '10.1.0.53',
    destination: '10.1.0.1',
    sourcePort: 53,
    destinationPort: 5353,
    isReply: Reply.YES,
    l7: {
      type: L7Type.RESPONSE,
      query: 'www.google.com.',
      types: [1],
      answerTypes: [1],
      addresses: ['1.2.3.4'],
      ttlSeconds: 30,
      latencyNs: 2_500_000,
    },
  },
  {
    ...TCP_SYN,
    source: '2001:db8::1',
    destination: '2001:db8::2',
    protocol: Protocol.UDP,
    tcpFlags: 0,
    sourcePort: 6_000,
    destinationPort: 6_001,
  },
  {
    ...TCP_SYN,
    source: '127.0.0.1',
    destination: '127.0.0.1',
    protocol: Protocol.ICMP,
    tcpFlags: 0,
    sourcePort: 0,
    destinationPort: 0,
    icmpType: 8,
  },
  {
    ...TCP_SYN,
    source: '127.0.0.1',
    destination: '192.0.2.7',
    protocol: Protocol.SCTP,
    tcpFlags: 0,
    destinationPort: 9_999,
  },
  {
    ...TCP_SYN,
    ...DROP,
    source: '192.0.2.7',
    destination: '127.0.0.1',
    sourcePort: 7,
    destinationPort: 22,
    eventSubType: 178,
    dropReason: 178,
    dropReasonName: 'NO_SOCKET',
    dropLocation: 'tcp_v4_rcv+0x4e',
  },
  {
    ...TCP_SYN,
    source: '10.1.0.1',
    destination: '10.1.0.2',
    kind: Kind.TCP_CONNECT,
    tcpFlags: 0,
    detail: 420,
    eventType: EventType.TRACE,
    packets: 0,
    bytes: 0,
  },
]

/** The sample with the pods at its ends. */
export function sampleBatch(table: EndpointTable, lost: LostEvents[] = []): FlowBatch {
  const batch = flowBatch(
    SAMPLE.map((row, i) => ({ ...row, timeMs: SAMPLE_MS + 1_000 * i })),
    lost,
  )
  const pods = new Map([
    ['10.1.0.1', addPod(table, 'default', 'xwing-0', 1_001, ['k8s:app=xwing', 'k8s:org=alliance'])],
    ['10.1.0.2', addPod(table, 'default', 'deathstar-abc', 1_002, ['k8s:app=deathstar'], 'deathstar')],
    ['10.1.0.53', addPod(table, 'kube-system', 'coredns-1', 1_003, ['k8s:k8s-app=kube-dns'], 'coredns')],
  ])
  SAMPLE.forEach((row, i) => {
    batch.columns.sourceEndpoint[i] = pods.get(row.source ?? '') ?? 0
    batch.columns.destinationEndpoint[i] = pods.get(row.destination ?? '') ?? 0
  })
  return batch
}

function addPod(
  table: EndpointTable,
  namespace: string,
  podName: string,
  identity: number,
  labels: string[],
  workload = '',
): number {
  const workloads = workload === '' ? [] : [{ name: workload, kind: 'Deployment' }]
  return table.add(endpoint({ namespace, podName, identity, labels, workloads }))
}
