import fc from 'fast-check'
import type { FlowBatch, LostEvents } from '../../src/flow/batch.ts'
import { type Endpoint, type EndpointTable, endpoint } from '../../src/flow/endpoint.ts'
import { Direction, EventType, FlowType, Kind, L7Type, Protocol, Reply, Verdict } from '../../src/flow/enums.ts'
import { type FlowRow, flowBatch } from './flows.ts'

/** Flows that columns can carry, made at random of few values, so that filters have something to find and something to leave out. */

/** Unix milliseconds of the first flow; some flows share a time, none is older than the one before. */
export const FIRST_MS = Date.UTC(2026, 0, 2, 3, 4, 0)

/** Addresses of flows, as text. */
const IPV4 = ['10.1.0.1', '10.1.0.2', '10.1.0.53', '192.0.2.7', '8.8.8.8']
const IPV6 = ['2001:db8::1', 'fd00::2']
export const ADDRESSES = [...IPV4, ...IPV6]

export const DNS_NAMES = ['dns.google', 'www.example.com', 'a.b.example.com', 'api_v1.internal', 'svc.cluster.local']

export const PORTS = [0, 22, 53, 80, 443, 8_080, 40_000, 65_535]

/** Ends that a processor has named. */
const ENDS: readonly Partial<Endpoint>[] = [
  {
    namespace: 'default',
    podName: 'xwing-0',
    identity: 1_001,
    localId: 17,
    labels: ['k8s:app=xwing', 'k8s:org=alliance'],
    workloads: [{ name: 'xwing', kind: 'StatefulSet' }],
  },
  {
    namespace: 'default',
    podName: 'deathstar-abc',
    identity: 1_002,
    labels: ['k8s:app=deathstar', 'k8s:class', 'k8s:org=empire'],
    workloads: [{ name: 'deathstar', kind: 'Deployment' }],
    service: { name: 'deathstar', namespace: 'default' },
    clusterName: 'east',
  },
  {
    namespace: 'kube-system',
    podName: 'coredns-1',
    identity: 1_003,
    labels: ['k8s:io.kubernetes.pod.namespace=kube-system', 'k8s:k8s-app=kube-dns'],
    workloads: [{ name: 'coredns', kind: 'ReplicaSet' }],
    service: { name: 'kube-dns', namespace: 'kube-system' },
    clusterName: 'default',
  },
  { namespace: 'kube-system', podName: '', identity: 3, labels: ['reserved:unmanaged'] },
  { identity: 6, labels: ['reserved:kube-apiserver', 'reserved:remote-node'], nodeName: 'node-2' },
  { identity: 16_777_217, labels: ['cidr:10.0.0.0/8', 'cidr:10.1.0.0/16', 'reserved:world'] },
]

const L4: readonly FlowRow[] = [
  { protocol: Protocol.TCP },
  { protocol: Protocol.UDP },
  { protocol: Protocol.SCTP },
  { protocol: Protocol.ICMP, icmpType: 8 },
  { protocol: Protocol.ICMPV6, icmpType: 135, icmpCode: 0 },
  { protocol: Protocol.VRRP },
  { protocol: Protocol.IGMP },
  { protocol: 47 },
]

/** What saw the flow, and what it says of it. */
const EVENTS: readonly FlowRow[] = [
  { eventType: EventType.TRACE, eventSubType: 0, observationPoint: 101, verdict: Verdict.FORWARDED },
  { eventType: EventType.TRACE, eventSubType: 3, observationPoint: 3, verdict: Verdict.FORWARDED },
  { eventType: EventType.TRACE, eventSubType: 11, observationPoint: 11, verdict: Verdict.FORWARDED },
  { eventType: EventType.DROP, eventSubType: 133, dropReason: 133, verdict: Verdict.DROPPED, kind: Kind.DROP },
  { eventType: EventType.DROP, eventSubType: 178, dropReason: 178, verdict: Verdict.DROPPED, kind: Kind.DROP },
  { eventType: EventType.POLICY_VERDICT, verdict: Verdict.AUDIT },
  { eventType: 0, verdict: Verdict.UNKNOWN },
]

const dns: fc.Arbitrary<FlowRow> = fc
  .record({
    type: fc.constantFrom(L7Type.REQUEST, L7Type.RESPONSE),
    query: fc.constantFrom('www.example.com.', 'dns.google.', 'a.b.example.com.', ''),
    rcode: fc.constantFrom(0, 0, 3),
    addresses: fc.subarray(['1.2.3.4', '2001:db8::9']),
    names: fc.subarray(['c.example.com.', 'd.example.com.']),
    ttlSeconds: fc.constantFrom(0, 30),
  })
  .map((l7) => ({
    kind: Kind.DNS,
    type: FlowType.L7,
    eventType: EventType.L7,
    verdict: Verdict.FORWARDED,
    l7: { ...l7, types: [1], answerTypes: l7.addresses.map((address) => (address.includes(':') ? 28 : 1)) },
  }))

const event: fc.Arbitrary<FlowRow> = fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...EVENTS) }, dns)

const row: fc.Arbitrary<FlowRow & { source: string; destination: string }> = fc
  .record({
    l4: fc.constantFrom(...L4),
    event,
    ends: fc.oneof(ends(IPV4), ends(IPV6)),
    ports: fc.record({ sourcePort: fc.constantFrom(...PORTS), destinationPort: fc.constantFrom(...PORTS) }),
    tcpFlags: fc.integer({ min: 0, max: 0x1ff }),
    plain: fc.record({
      direction: fc.constantFrom(...Object.values(Direction)),
      isReply: fc.constantFrom(...Object.values(Reply)),
      interfaceIndex: fc.constantFrom(0, 2, 7),
      interfaceName: fc.constantFrom('', 'eth0', 'veth7'),
      sourceNames: names(),
      destinationNames: names(),
      packets: fc.constantFrom(0, 1, 3),
      rttUs: fc.constantFrom(0, 1_234),
      vlan: fc.constantFrom(0, 100),
    }),
  })
  .map(({ l4, event, ends, ports, tcpFlags, plain }) => ({
    kind: Kind.PACKETS,
    type: FlowType.L3_L4,
    ...plain,
    ...event,
    ...l4,
    ...ends,
    ...(l4.icmpType === undefined ? ports : {}),
    ...(l4.protocol === Protocol.TCP ? { tcpFlags } : {}),
  }))

function ends(addresses: readonly string[]): fc.Arbitrary<{ source: string; destination: string }> {
  return fc.record({ source: fc.constantFrom(...addresses), destination: fc.constantFrom(...addresses) })
}

function names(): fc.Arbitrary<string> {
  return fc.oneof(
    fc.constant(''),
    fc.subarray(DNS_NAMES, { maxLength: 2 }).map((some) => some.join(',')),
  )
}

export interface GeneratedFlows {
  seed: number
  count: number
  /** Unix milliseconds; the first flow is not older. */
  firstMs: number
  lost?: LostEvents[]
}

/** A batch of `count` flows of that seed; times go on from `firstMs`. */
export function generatedBatch(table: EndpointTable, { seed, count, firstMs, lost = [] }: GeneratedFlows): FlowBatch {
  const rows = fc.sample(row, { seed, numRuns: count })
  const gaps = fc.sample(fc.constantFrom(0, 0, 1, 400, 2_500), { seed, numRuns: count })
  const ids = [0, 0, ...ENDS.map((known) => table.add(endpoint(known)))]
  const picks = fc.sample(fc.tuple(fc.constantFrom(...ids), fc.constantFrom(...ids)), { seed, numRuns: count })
  let timeMs = firstMs
  const batch = flowBatch(
    rows.map((made, i) => {
      timeMs += gaps[i]!
      return { ...made, timeMs }
    }),
    lost,
  )
  picks.forEach(([source, destination], i) => {
    batch.columns.sourceEndpoint[i] = source
    batch.columns.destinationEndpoint[i] = destination
    // Ethernet: nothing of IP is known.
    if (i % 50 === 49) batch.columns.ipVersion[i] = 0
  })
  return batch
}
