import fc from 'fast-check'
import type { FlowBatch } from '../../src/flow/batch.ts'
import type { EndpointTable } from '../../src/flow/endpoint.ts'
import { Direction, Verdict } from '../../src/flow/enums.ts'
import { messageType } from '../../src/hubble/definition.ts'
import { FlowRows } from '../../src/receivers/hubble/flow-rows.ts'
import { ForeignEndpoints } from '../../src/receivers/hubble/foreign-endpoints.ts'
import { DNS_NAMES, type GeneratedFlows, PORTS } from './generated-flows.ts'

/** Flows as Cilium's agents make them, at random: HTTP, Kafka, policies, translated addresses, and fields that nobody knows yet. */

/** Both ends are there in every flow of an agent, if only as an empty message; not so with other observers. */
const ENDPOINTS = [
  undefined,
  {},
  { identity: 2, labels: ['reserved:world'] },
  { identity: 16_777_217, labels: ['cidr:10.0.0.0/8', 'cidr:10.1.0.0/16', 'reserved:world-ipv4'] },
  {
    ID: 17,
    identity: 1_001,
    namespace: 'default',
    pod_name: 'xwing-0',
    labels: ['k8s:app=xwing', 'k8s:org=alliance'],
    workloads: [{ name: 'xwing', kind: 'StatefulSet' }],
    cluster_name: 'default',
  },
  {
    identity: 1_002,
    namespace: 'default',
    pod_name: 'deathstar-abc',
    labels: ['k8s:app=deathstar', 'k8s:class', 'container:app=other'],
    workloads: [{ name: 'deathstar', kind: 'Deployment' }, { name: 'second' }],
    cluster_name: 'east',
  },
  { identity: 1_003, namespace: 'kube-system', labels: ['k8s:k8s-app=kube-dns'], cluster_name: 'east' },
]

const FLAGS = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG', 'ECE', 'CWR', 'NS']

const ports = fc.record({ source_port: fc.constantFrom(...PORTS), destination_port: fc.constantFrom(...PORTS) })

const flags = fc.subarray(FLAGS).map((set) => Object.fromEntries(set.map((flag) => [flag, true])))

const l4 = fc.oneof(
  fc.tuple(ports, fc.option(flags, { nil: undefined })).map(([pair, set]) => ({ TCP: { ...pair, flags: set } })),
  ports.map((UDP) => ({ UDP })),
  ports.map((SCTP) => ({ SCTP })),
  fc.constantFrom(
    { ICMPv4: { type: 8 } },
    { ICMPv6: { type: 135, code: 1 } },
    { VRRP: { type: 1, vrid: 7, priority: 100 } },
    { IGMP: { type: 22, group_address: '224.0.0.22' } },
    undefined,
  ),
)

const ip = fc.oneof(
  fc.constant(undefined),
  addresses(['10.1.0.1', '10.1.0.2', '192.0.2.7', '8.8.8.8'], 1),
  addresses(['2001:db8::1', 'fd00::2'], 2),
)

function addresses(texts: readonly string[], ipVersion: number): fc.Arbitrary<object> {
  return fc.record({
    source: fc.constantFrom(...texts),
    destination: fc.constantFrom(...texts),
    source_xlated: fc.constantFrom('', '', ...texts),
    ipVersion: fc.constant(ipVersion),
    encrypted: fc.boolean(),
  })
}

const http = fc.record({
  code: fc.constantFrom(0, 200, 204, 404, 503),
  method: fc.constantFrom('GET', 'post', ''),
  url: fc.constantFrom(
    'http://deathstar/v1/x?y=1',
    '/v1/exhaust-port',
    'https://a/%2Fb%20c',
    'no url',
    '',
    'http://[::1',
  ),
  protocol: fc.constant('HTTP/1.1'),
  headers: fc.subarray([
    { key: 'Host', value: 'deathstar' },
    { key: 'host', value: '' },
    { key: 'X-Request-Id', value: '7' },
  ]),
})

const dns = fc.record({
  query: fc.constantFrom('www.example.com.', 'dns.google.', ''),
  ips: fc.subarray(['1.2.3.4', '2001:db8::9']),
  ttl: fc.constantFrom(0, 30),
  cnames: fc.subarray(['c.example.com.']),
  observation_source: fc.constantFrom('proxy', ''),
  rcode: fc.constantFrom(0, 3),
  qtypes: fc.constantFrom(['A'], ['A', 'AAAA'], []),
  rrtypes: fc.constantFrom(['A'], []),
})

const l7 = fc
  .tuple(
    fc.constantFrom(0, 1, 2, 3),
    fc.constantFrom(0, 2_500_000),
    fc.oneof(
      http.map((message) => ({ http: message })),
      dns.map((message) => ({ dns: message })),
      fc.constantFrom({ kafka: { api_key: 'fetch', topic: 't' } }, {}),
    ),
  )
  .map(([type, latency_ns, record]) => ({ type, latency_ns, ...record }))

const rarely = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 1 })

/** A flow with proto names and enums as numbers, but for its time. */
export const foreignFlow = fc
  .record({
    uuid: fc.oneof({ weight: 9, arbitrary: fc.uuid() }, { weight: 1, arbitrary: fc.constant('') }),
    emitter: rarely(fc.constant({ name: 'Hubble', version: '1.19.4' })),
    verdict: fc.constantFrom(...Object.values(Verdict)),
    drop_reason_desc: fc.constantFrom(0, 0, 133, 178),
    auth_type: fc.constantFrom(0, 1),
    ethernet: rarely(fc.constant({ source: 'aa:bb:cc:dd:ee:01', destination: 'ff:ff:ff:ff:ff:ff' })),
    IP: ip,
    l4,
    source: fc.constantFrom(...ENDPOINTS),
    destination: fc.constantFrom(...ENDPOINTS),
    Type: fc.constantFrom(0, 1, 2, 3),
    node_name: fc.constantFrom('node-1', 'east/node-2', ''),
    node_labels: fc.subarray(['kubernetes.io/hostname=node-1', 'zone=a', 'zone=b']),
    source_names: fc.subarray(DNS_NAMES, { maxLength: 2 }),
    destination_names: fc.subarray(DNS_NAMES, { maxLength: 2 }),
    l7: fc.oneof(fc.constant(undefined), l7),
    is_reply: fc.constantFrom(undefined, { value: false }, { value: true }),
    event_type: fc.constantFrom(
      undefined,
      { type: 1, sub_type: 133 },
      { type: 4 },
      { type: 4, sub_type: 3 },
      { type: 5 },
      { type: 129 },
      { type: 7 },
    ),
    source_service: fc.constantFrom(undefined, { name: 'deathstar', namespace: 'default' }),
    destination_service: fc.constantFrom(undefined, { name: 'kube-dns', namespace: 'kube-system' }),
    traffic_direction: fc.constantFrom(...Object.values(Direction)),
    policy_match_type: fc.nat(6),
    interface: fc.constantFrom(undefined, { index: 2, name: 'eth0' }, { index: 7 }, { name: 'veth7' }),
    proxy_port: fc.constantFrom(0, 15_001),
    trace_context: rarely(fc.constant({ parent: { trace_id: '0af7651916cd43dd8448eb211c80319c' } })),
    ip_trace_id: fc.constantFrom(undefined, { trace_id: 77, ip_option_type: 136 }, { trace_id: 2 ** 40 }),
    egress_allowed_by: rarely(
      fc.constant([{ name: 'allow', namespace: 'default', labels: ['a'], revision: 3, kind: 'NetworkPolicy' }]),
    ),
    policy_log: rarely(fc.constant(['seen'])),
    tunnel: rarely(fc.constant({ protocol: 1, IP: { source: '192.0.2.1', ipVersion: 1 }, vni: 7 })),
    Summary: fc.constantFrom('', 'TCP Flags: SYN'),
  })
  .map((made) => ({ ...made, reply: made.is_reply?.value ?? false, drop_reason: made.drop_reason_desc }))

/** A field of `flow.Flow` that no definition has: number 300, four bytes of text. */
const UNKNOWN_FIELD = Buffer.from([0xe2, 0x12, 4, 0x6e, 0x65, 0x77, 0x21])

/** A batch of `count` flows of that seed, as the `hubble` receiver makes it; times go on from `firstMs`. */
export function generatedForeignBatch(
  table: EndpointTable,
  { seed, count, firstMs, lost = [] }: GeneratedFlows,
): FlowBatch {
  const { serialize } = messageType('flow.Flow')
  const rows = new FlowRows(table, new ForeignEndpoints(table, 1_000))
  const flows = fc.sample(fc.tuple(foreignFlow, fc.constantFrom(0, 0, 1, 400, 2_500)), { seed, numRuns: count })
  let timeMs = firstMs
  for (const [made, gap] of flows) {
    timeMs += gap
    const time = { seconds: Math.floor(timeMs / 1_000), nanos: (timeMs % 1_000) * 1_000_000 }
    const bytes = Buffer.concat([serialize(withoutDefaults({ ...made, time })), UNKNOWN_FIELD])
    if (!rows.add(bytes, 0, bytes.length)) throw new Error('a generated flow is malformed')
  }
  return rows.take(lost)
}

/** As Go encodes it: what is zero, empty or false is not written. */
export function withoutDefaults(message: object): Record<string, unknown> {
  const isDefault = (value: unknown) => value === 0 || value === '' || value === false
  return JSON.parse(JSON.stringify(message, (_, value) => (isDefault(value) ? undefined : value)))
}
