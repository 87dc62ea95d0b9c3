import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Direction, EventType, Kind, LostSource, Protocol, Reply, TcpFlag, Verdict } from '../../../src/flow/enums.ts'
import { Family } from '../../../src/metrics/family.ts'
import { HANDLER_KINDS } from '../../../src/processors/hubble_metrics/handlers/kinds.ts'
import { lostEventsHandler } from '../../../src/processors/hubble_metrics/handlers/lost-events.ts'
import { flowBatch, TCP_SYN } from '../../support/flows.ts'
import { ANSWER, counted, DROP, PING, QUERY, SOCKET, series, settings } from '../../support/metric-rows.ts'

const counting = suite('hubble_metrics handlers')

const cases: { name: string; got: () => Record<string, number | string>; want: Record<string, number | string> }[] = [
  {
    name: 'flow: protocol, type and subtype follow the event type',
    got: () =>
      counted('hubble', 'flow', [
        TCP_SYN,
        { ...TCP_SYN, eventSubType: 0, observationPoint: 101 },
        { ...TCP_SYN, protocol: 47 },
        DROP,
        QUERY,
        ANSWER,
        { ...SOCKET, kind: Kind.TCP_CONNECT },
        { ...TCP_SYN, eventType: EventType.POLICY_VERDICT },
        { ...TCP_SYN, eventType: EventType.CAPTURE },
      ]),
    want: {
      'hubble_flows_processed_total{protocol=TCP,type=Trace,subtype=to-stack,verdict=FORWARDED}': 1,
      'hubble_flows_processed_total{protocol=TCP,type=Trace,subtype=to-endpoint,verdict=FORWARDED}': 1,
      'hubble_flows_processed_total{protocol=Unknown L4,type=Trace,subtype=to-stack,verdict=FORWARDED}': 1,
      'hubble_flows_processed_total{protocol=TCP,type=Drop,subtype=,verdict=DROPPED}': 1,
      'hubble_flows_processed_total{protocol=DNS,type=L7,subtype=DNS,verdict=FORWARDED}': 2,
      'hubble_flows_processed_total{protocol=Unknown flow,type=Unknown,subtype=7,verdict=TRACED}': 1,
      'hubble_flows_processed_total{protocol=TCP,type=PolicyVerdict,subtype=,verdict=FORWARDED}': 1,
      'hubble_flows_processed_total{protocol=TCP,type=Capture,subtype=,verdict=FORWARDED}': 1,
    },
  },
  {
    name: 'flow counts rows by their weight, the exact series packets and bytes',
    got: () => ({
      ...counted('hubble', 'flow', [{ ...TCP_SYN, packets: 10, weight: 4 }]),
      ...counted('exact', 'flow', [{ ...TCP_SYN, packets: 10, bytes: 1000, weight: 4 }, TCP_SYN, QUERY, DROP, SOCKET]),
    }),
    want: {
      'hubble_flows_processed_total{protocol=TCP,type=Trace,subtype=to-stack,verdict=FORWARDED}': 4,
      'fovea_flow_packets_total{observation_point=to-stack,protocol=TCP,verdict=FORWARDED}': 41,
      'fovea_flow_packets_total{observation_point=to-stack,protocol=UDP,verdict=FORWARDED}': 1,
      'fovea_flow_bytes_total{observation_point=to-stack,protocol=TCP,verdict=FORWARDED}': 4074,
      'fovea_flow_bytes_total{observation_point=to-stack,protocol=UDP,verdict=FORWARDED}': 74,
    },
  },
  {
    name: 'drop: the reason is the name of the enum, also for a dropped DNS message',
    got: () =>
      counted('hubble', 'drop', [
        DROP,
        DROP,
        { ...DROP, dropReason: 0 },
        TCP_SYN,
        { ...QUERY, verdict: Verdict.DROPPED, dropReason: 133 },
      ]),
    want: {
      'hubble_drop_total{reason=POLICY_DENIED,protocol=TCP}': 2,
      'hubble_drop_total{reason=DROP_REASON_UNKNOWN,protocol=TCP}': 1,
      'hubble_drop_total{reason=POLICY_DENIED,protocol=DNS}': 1,
    },
  },
  {
    name: "drop, exact: the kernel's name and function, the enum's name where the kernel has none",
    got: () =>
      counted('exact', 'drop', [
        DROP,
        { ...DROP, dropLocation: 'nf_hook_slow+0x10', packets: 3 },
        { ...DROP, dropReasonName: '', dropLocation: '' },
        { ...DROP, dropReasonName: '', dropLocation: '', dropReason: 0 },
      ]),
    want: {
      'fovea_drop_packets_total{reason=NETFILTER_DROP,location=nf_hook_slow}': 4,
      'fovea_drop_packets_total{reason=POLICY_DENIED,location=}': 1,
      'fovea_drop_packets_total{reason=DROP_REASON_UNKNOWN,location=}': 1,
      'fovea_drop_bytes_total{reason=NETFILTER_DROP,location=nf_hook_slow}': 148,
      'fovea_drop_bytes_total{reason=POLICY_DENIED,location=}': 74,
      'fovea_drop_bytes_total{reason=DROP_REASON_UNKNOWN,location=}': 74,
    },
  },
  {
    name: 'tcp: FIN, SYN or SYN-ACK, RST of forwarded flows; a flow with several counts for each',
    got: () =>
      counted('hubble', 'tcp', [
        TCP_SYN,
        { ...TCP_SYN, tcpFlags: TcpFlag.SYN | TcpFlag.ACK },
        { ...TCP_SYN, tcpFlags: TcpFlag.FIN | TcpFlag.RST | TcpFlag.ACK, source: 'fd00::1', destination: 'fd00::2' },
        { ...TCP_SYN, tcpFlags: TcpFlag.ACK },
        { ...TCP_SYN, verdict: Verdict.DROPPED },
        { ...TCP_SYN, verdict: Verdict.REDIRECTED },
      ]),
    want: {
      'hubble_tcp_flags_total{flag=SYN,family=IPv4}': 2,
      'hubble_tcp_flags_total{flag=SYN-ACK,family=IPv4}': 1,
      'hubble_tcp_flags_total{flag=FIN,family=IPv6}': 1,
      'hubble_tcp_flags_total{flag=RST,family=IPv6}': 1,
    },
  },
  {
    name: 'tcp, exact: RTT, connect time, retransmits and resets of socket events',
    got: () =>
      counted('exact', 'tcp', [
        { ...SOCKET, kind: Kind.TCP_CONNECT, detail: 1500, rttUs: 1000 },
        { ...SOCKET, kind: Kind.TCP_CLOSE, detail: 7, rttUs: 2000 },
        { ...SOCKET, kind: Kind.TCP_RETRANSMIT, rttUs: 9000 },
        { ...SOCKET, kind: Kind.TCP_RESET, detail: 1 },
        { ...SOCKET, kind: Kind.TCP_RESET, detail: 2, weight: 2 },
        TCP_SYN,
      ]),
    want: {
      'fovea_tcp_rtt_seconds{}': '2/0.003',
      'fovea_tcp_connect_seconds{}': '1/0.0015',
      'fovea_tcp_retransmits_total{}': 1,
      'fovea_tcp_resets_total{direction=sent}': 1,
      'fovea_tcp_resets_total{direction=received}': 2,
    },
  },
  {
    name: 'icmp: names as in the summary, any verdict',
    got: () =>
      counted('hubble', 'icmp', [
        PING,
        { ...PING, icmpType: 3, icmpCode: 3, verdict: Verdict.DROPPED, eventType: EventType.DROP },
        { ...PING, protocol: Protocol.ICMPV6, icmpType: 135 },
        TCP_SYN,
      ]),
    want: {
      'hubble_icmp_total{family=IPv4,type=EchoRequest}': 1,
      'hubble_icmp_total{family=IPv4,type=DestinationUnreachable(Port)}': 1,
      'hubble_icmp_total{family=IPv6,type=NeighborSolicitation}': 1,
    },
  },
  {
    name: 'port-distribution: forwarded, layer 4 known, known not to be a reply; ICMP counts as port 0',
    got: () =>
      counted('hubble', 'port-distribution', [
        TCP_SYN,
        QUERY,
        PING,
        { ...TCP_SYN, isReply: Reply.YES },
        { ...TCP_SYN, isReply: Reply.UNKNOWN },
        { ...TCP_SYN, protocol: 47 },
        DROP,
        { ...TCP_SYN, protocol: Protocol.SCTP, destinationPort: 65_535, direction: Direction.INGRESS },
      ]),
    want: {
      'hubble_port_distribution_total{protocol=TCP,port=80}': 1,
      'hubble_port_distribution_total{protocol=UDP,port=53}': 1,
      'hubble_port_distribution_total{protocol=ICMPv4,port=0}': 1,
      'hubble_port_distribution_total{protocol=SCTP,port=65535}': 1,
    },
  },
  {
    name: 'lost events are counted by their source',
    got: () => {
      const handler = lostEventsHandler(settings())
      handler.observe(
        flowBatch(
          [],
          [
            { source: LostSource.PERF_EVENT_RING_BUFFER, count: 3 },
            { source: LostSource.OBSERVER_EVENTS_QUEUE, count: 2 },
            { source: LostSource.PERF_EVENT_RING_BUFFER, count: 1 },
          ],
        ),
      )
      return series(handler)
    },
    want: {
      'hubble_lost_events_total{source=perf_event_ring_buffer}': 4,
      'hubble_lost_events_total{source=observer_events_queue}': 2,
    },
  },
]
for (const { name, got, want } of cases) counting(name, () => assert.equal(got(), want))

counting('beyond the limit ports are added up in the overflow series, and nothing is lost', () => {
  const handler = HANDLER_KINDS['port-distribution']!.hubble({
    ...settings(),
    family: (family) => new Family({ ...family, limit: 10 }),
  })
  const rows = Array.from({ length: 100 }, (_, i) => ({ ...TCP_SYN, destinationPort: i + 1 }))
  for (let round = 0; round < 3; round++) handler.observe(flowBatch(rows))
  const values = Object.values(series(handler)) as number[]
  assert.is(values.length, 11)
  assert.is(
    values.reduce((a, b) => a + b),
    300,
  )
  assert.is(handler.families[0]!.refused, 90)
})

counting('a series that was removed is made anew by the next row', () => {
  const handler = HANDLER_KINDS.flow!.hubble(settings())
  const family = handler.families[0]!
  handler.observe(flowBatch([TCP_SYN]))
  family.remove([...family.ids()][0]!)
  handler.observe(flowBatch([TCP_SYN, TCP_SYN]))
  assert.equal(Object.values(series(handler)), [2])
})

counting.run()
