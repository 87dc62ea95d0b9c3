import fc from 'fast-check'
import { DNS_NAMES } from './generated-flows.ts'
import { foreignFlow, withoutDefaults } from './generated-foreign-flows.ts'

/** Flows of other observers with whatever Hubble's metrics look at, at random: all event types, verdicts and reasons, and much that is missing. */

/** Ends as metrics tell them apart: with and without pod, workload, application and reserved labels. */
const ENDS = [
  undefined,
  {},
  { identity: 1, labels: ['reserved:host'] },
  { identity: 2, labels: ['reserved:world'] },
  { identity: 9, labels: ['reserved:world-ipv4'] },
  { identity: 10, labels: ['cidr:2001:db8::/32', 'reserved:world-ipv6'] },
  { identity: 7, labels: ['reserved:host', 'reserved:kube-apiserver'] },
  { identity: 16_777_217, labels: ['cidr:10.0.0.0/8', 'reserved:world'] },
  { namespace: 'default', labels: ['k8s:app', 'k8s:app=', 'k8s:app.kubernetes.io/name=tie', 'k8s:k8s-app=x'] },
  { pod_name: 'alone', labels: ['k8s:app=a=b', 'k8s:k8s-app=y'], workloads: [{ name: 'alone' }] },
  {
    namespace: 'default',
    pod_name: 'xwing-0',
    labels: ['k8s:app=xwing', 'k8s:org=alliance'],
    workloads: [{ name: 'xwing', kind: 'StatefulSet' }, { name: 'other' }],
  },
  { namespace: 'kube-system', pod_name: 'dns-1', labels: ['k8s:k8s-app=kube-dns'], workloads: [{ kind: 'Job' }] },
]

const EVENT_TYPES = [
  undefined,
  {},
  ...[0, 3, 4, 11, 13, 14, 255].map((sub_type) => ({ type: 4, sub_type })),
  { type: 1, sub_type: 133 },
  { type: 2 },
  { type: 3 },
  { type: 5 },
  { type: 5 },
  { type: 7 },
  { type: 129 },
  { type: 129 },
  { type: 255 },
]

const DNS_TYPES = ['A', 'AAAA', 'CNAME', 'SRV', 'HTTPS', 'TXT', 'PTR', 'Unknown', 'none']

const dns = fc.record({
  query: fc.constantFrom('www.example.com.', 'dns.google.', ''),
  ips: fc.array(fc.constantFrom('1.2.3.4', '2001:db8::9', 'no address'), { maxLength: 3 }),
  rcode: fc.oneof(fc.constant(0), fc.nat(26), fc.constant(4_095)),
  qtypes: fc.oneof(fc.constantFrom(['A'], ['AAAA']), fc.array(fc.constantFrom(...DNS_TYPES), { maxLength: 3 })),
  rrtypes: fc.array(fc.constantFrom(...DNS_TYPES), { maxLength: 3 }),
})

const http = fc.record({
  code: fc.constantFrom(0, 200, 404, 503, 65_535),
  method: fc.constantFrom('GET', 'POST', '', 'Ünüsual "\\\n'),
  url: fc.constantFrom('http://a/', ''),
  protocol: fc.constantFrom('HTTP/1.1', 'HTTP/2', ''),
  headers: fc.subarray([{ key: 'Host', value: 'a' }]),
})

const l7 = fc
  .tuple(
    fc.constantFrom(0, 1, 2, 2, 3),
    fc.constantFrom(0, 1, 5_000_000, 5_000_001, 2_500_000_000, 11_000_000_000),
    fc.oneof(
      http.map((message) => ({ http: message })),
      dns.map((message) => ({ dns: message })),
      fc.constantFrom({ kafka: { topic: 't' } }, {}),
    ),
  )
  .map(([type, latency_ns, record]) => ({ type, latency_ns, ...record }))

const REASONS = [0, 133, 133, 130, 181, 203, 255]

const metricFields = fc.record({
  verdict: fc.oneof(fc.constantFrom(1, 2), fc.nat(9)),
  drop_reason_desc: fc.constantFrom(...REASONS),
  drop_reason: fc.constantFrom(0, 0, 133, 181),
  source: fc.constantFrom(...ENDS),
  destination: fc.constantFrom(...ENDS),
  source_names: fc.subarray(DNS_NAMES, { maxLength: 2 }),
  destination_names: fc.subarray(DNS_NAMES, { maxLength: 2 }),
  event_type: fc.constantFrom(...EVENT_TYPES),
  l7: fc.oneof(fc.constant(undefined), l7, l7),
  policy_match_type: fc.nat(8),
  traffic_direction: fc.nat(3),
  trace_context: fc.oneof(
    fc.constantFrom(undefined, {}, { parent: {} }),
    fc.integer({ min: 1 }).map((id) => ({ parent: { trace_id: id.toString(16).padStart(32, '0') } })),
  ),
})

/** What of layers 3 and 4 that other flows leave out. */
const odd = fc.constantFrom(
  { l4: {} },
  { IP: {} },
  { IP: { source: '10.1.0.1', destination: '10.1.0.2' } },
  { IP: { source: '10.1.0.1', ipVersion: 1 } },
  { l4: { TCP: {} } },
  { l4: { TCP: { flags: {} } }, IP: undefined },
  { l4: { ICMPv4: { type: 3, code: 4 } } },
  { l4: { ICMPv4: { type: 200, code: 9 } } },
  { l4: { ICMPv6: { type: 1, code: 99 } } },
)

const metricFlow = fc
  .tuple(foreignFlow, metricFields, fc.option(odd, { nil: {}, freq: 2 }))
  .map(([flow, fields, missing]) => ({ ...flow, ...fields, ...missing }))

/** `count` flows of that seed, a second between two, as objects with proto names and enums as numbers. */
export function generatedMetricFlows(seed: number, count: number): Record<string, unknown>[] {
  const flows = fc.sample(metricFlow, { seed, numRuns: count })
  return flows.map((flow, i) => withoutDefaults({ ...flow, time: { seconds: 1_700_000_000 + i } }))
}
