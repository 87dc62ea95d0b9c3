import type { FlowFilter } from '../../src/hubble/filters/flow-filter.ts'
import { ADDRESS_ERRORS, type FieldRow, labelRow, PATTERN_ERRORS, portRow, regexpErrors } from './filter-mistakes.ts'
import { DNS, DROP, HTTP_REQUEST, HTTP_RESPONSE, ICMP, KAFKA, TRACE, UUID } from './filtered-flows.ts'

const NAMELESS = 'invalid filter, name must not be empty'

/** Each field of `flow.FlowFilter` once. */
export const FIELD_ROWS: Record<keyof FlowFilter, FieldRow> = {
  uuid: { match: [[UUID, [HTTP_REQUEST]]], none: '6f8e0c4e-3b0a-4d8c-9a55-0b7b1f3a2c12' },
  source_ip: {
    match: [
      ['10.0.0.1', [HTTP_REQUEST, DNS, KAFKA]],
      ['10.20.0.0/16', [DROP]],
      ['2001:DB8:0::/48', [ICMP]],
    ],
    none: '::ffff:10.0.0.1',
    bad: ADDRESS_ERRORS,
  },
  source_ip_xlated: {
    match: [
      ['192.0.2.1', [HTTP_REQUEST]],
      ['192.0.2.0/24', [HTTP_REQUEST]],
    ],
    none: '192.0.2.2',
    bad: ADDRESS_ERRORS,
  },
  destination_ip: {
    match: [['10.0.0.0/30', [HTTP_REQUEST, HTTP_RESPONSE, DROP]]],
    none: '10.0.1.0/24',
    bad: ADDRESS_ERRORS,
  },
  source_pod: {
    match: [
      ['back', [HTTP_RESPONSE]],
      ['shop/', [HTTP_REQUEST, DNS]],
      ['/front', [HTTP_REQUEST, DNS]],
      ['/', [HTTP_REQUEST, HTTP_RESPONSE, DNS]],
      ['shop/frontend-5d9c-x/y', [HTTP_REQUEST, DNS]],
    ],
    none: 'frontend',
    bad: [['', NAMELESS]],
  },
  destination_pod: { match: [['default/backend', [HTTP_REQUEST, DROP]]], none: 'shop/backend', bad: [['', NAMELESS]] },
  source_service: {
    match: [['shop/fr', [HTTP_REQUEST]]],
    none: 'front',
    bad: [['', `invalid source service filter: ${NAMELESS}`]],
  },
  destination_service: {
    match: [['back', [HTTP_REQUEST]]],
    none: 'shop/back',
    bad: [['', `invalid destination service filter: ${NAMELESS}`]],
  },
  source_fqdn: { match: [['front*.svc.', [HTTP_REQUEST]]], none: 'frontend', bad: PATTERN_ERRORS },
  destination_fqdn: {
    match: [
      [' *.EXAMPLE.com', [HTTP_REQUEST]],
      ['api.example.com', [HTTP_REQUEST]],
    ],
    none: 'api.example',
    bad: PATTERN_ERRORS,
  },
  source_label: labelRow(
    'source',
    [
      ['app=frontend', [HTTP_REQUEST, DNS]],
      ['k8s:app == backend', [HTTP_RESPONSE]],
      ['any:tier', [HTTP_REQUEST, DNS]],
      ['tier>2,tier<4', [HTTP_REQUEST, DNS]],
      ['app in (frontend,web)', [HTTP_REQUEST, HTTP_RESPONSE, DNS]],
      ['reserved:world', [DROP]],
      ['cidr:10.0.0.0/8', [DROP]],
      ['!app', [DROP, KAFKA, ICMP]],
      ['app!=frontend,app', [HTTP_RESPONSE]],
      ['app notin (frontend)', [HTTP_RESPONSE, DROP, KAFKA, ICMP]],
      ['', [HTTP_REQUEST, HTTP_RESPONSE, DNS, DROP, KAFKA, ICMP]],
    ],
    'cidr:10.20.0.0/24',
  ),
  destination_label: labelRow('destination', [['container:app=web', [HTTP_REQUEST, DROP]]], 'k8s:app=web'),
  node_labels: labelRow('node', [['kubernetes.io/os=linux,zone in (a,b)', [HTTP_REQUEST]]], 'k8s:zone=a'),
  source_workload: {
    match: [
      [{ name: 'frontend' }, [HTTP_REQUEST, DNS]],
      [{ kind: 'StatefulSet' }, [HTTP_RESPONSE]],
      [{}, [HTTP_REQUEST, HTTP_RESPONSE, DNS]],
    ],
    none: { name: 'frontend', kind: 'StatefulSet' },
  },
  destination_workload: {
    match: [[{ name: 'backend', kind: 'StatefulSet' }, [HTTP_REQUEST, DROP]]],
    none: { name: 'back' },
  },
  source_cluster_name: { match: [['east', [HTTP_REQUEST, DNS]]], none: 'ea*', bad: [['', NAMELESS]] },
  destination_cluster_name: { match: [['west', [HTTP_REQUEST, DROP]]], none: 'we', bad: [['', NAMELESS]] },
  source_identity: { match: [[2, [DROP]]], none: 4_003 },
  destination_identity: { match: [[4_001, [HTTP_RESPONSE]]], none: 2 },
  source_port: portRow('source', [['80', [HTTP_RESPONSE]]], '81'),
  destination_port: portRow('destination', [['053', [DNS]]], '128'),
  protocol: {
    match: [
      ['TCP', [HTTP_REQUEST, HTTP_RESPONSE, DROP, KAFKA]],
      ['icmp', [ICMP]],
      ['icmpv6', [ICMP]],
      ['http', [HTTP_REQUEST, HTTP_RESPONSE]],
      ['dns', [DNS]],
      ['kafka', [KAFKA]],
    ],
    none: 'icmpv4',
    bad: [['gre', 'invalid protocol filter: unknown protocol: "gre"']],
  },
  tcp_flags: {
    match: [
      [{ SYN: true }, [HTTP_REQUEST, DROP]],
      [{ SYN: true, ACK: true }, [HTTP_REQUEST]],
    ],
    none: { RST: true },
  },
  ip_version: { match: [[2, [ICMP]]], none: 0 },
  traffic_direction: { match: [[2, [HTTP_RESPONSE]]], none: 7 },
  verdict: { match: [[5, [DNS]]], none: 4 },
  drop_reason_desc: { match: [[133, [DROP]]], none: 0 },
  event_type: {
    match: [
      [{ type: 129 }, [HTTP_REQUEST, HTTP_RESPONSE, DNS, KAFKA]],
      [{ type: 1, match_sub_type: true, sub_type: 133 }, [DROP]],
      [{ match_sub_type: true, sub_type: 3 }, [ICMP]],
    ],
    none: { type: 4, match_sub_type: true },
  },
  interface: {
    match: [
      [{ name: 'lxc1' }, [HTTP_REQUEST]],
      [{ index: 12 }, [HTTP_REQUEST]],
      [{}, [HTTP_REQUEST]],
    ],
    none: { index: 13, name: 'lxc1' },
  },
  reply: {
    match: [
      [true, [HTTP_RESPONSE]],
      [false, [HTTP_REQUEST, DNS, DROP]],
    ],
    none: undefined,
  },
  dns_query: {
    match: [['^api\\..*com\\.$', [DNS]]],
    none: '^example',
    ...regexpErrors(() => 'invalid DNS query filter: failed to compile regexp'),
  },
  node_name: {
    match: [
      ['node-*', [HTTP_REQUEST, HTTP_RESPONSE]],
      ['east/', [HTTP_REQUEST]],
      ['/node-1', [HTTP_REQUEST]],
      ['default/node-2', [HTTP_RESPONSE]],
    ],
    none: 'node',
    bad: [
      ['', 'empty pattern'],
      ['a/b/c', 'too many slashes in pattern'],
      ['a/b$', "'$': invalid rune in pattern"],
    ],
  },
  http_status_code: {
    match: [
      ['404', [HTTP_RESPONSE]],
      ['40+', [HTTP_RESPONSE]],
      ['4+', [HTTP_RESPONSE]],
    ],
    none: '5+',
    bad: ['', '0', '600', '4', '40', '404+', '+'].map((value) => [
      value,
      `invalid http status code filter: invalid status code prefix: "${value}"`,
    ]),
  },
  http_method: { match: [['get', [HTTP_REQUEST, HTTP_RESPONSE]]], none: 'POST' },
  http_path: {
    match: [
      ['^/v1/items$', [HTTP_REQUEST]],
      ['/v1', [HTTP_REQUEST, HTTP_RESPONSE]],
    ],
    none: 'page',
    ...regexpErrors((pattern) => `invalid http path filter: ${pattern}`),
  },
  http_url: {
    match: [['example.*page=[0-9]', [HTTP_REQUEST]]],
    none: '^/v2',
    ...regexpErrors((pattern) => `invalid http url filter: ${pattern}`),
  },
  http_header: { match: [[{ key: 'X-Team', value: 'core' }, [HTTP_REQUEST]]], none: { key: 'x-team', value: 'core' } },
  trace_id: {
    match: [
      [TRACE, [HTTP_REQUEST]],
      ['', [HTTP_RESPONSE, DNS, DROP, KAFKA, ICMP]],
    ],
    none: TRACE.slice(1),
  },
  ip_trace_id: {
    match: [
      [18446744073709551615n, [HTTP_REQUEST]],
      [0n, [HTTP_RESPONSE, DNS, DROP, KAFKA, ICMP]],
    ],
    none: 18446744073709551614n,
  },
  encrypted: {
    match: [
      [true, [HTTP_RESPONSE]],
      [false, [HTTP_REQUEST, DNS, DROP, KAFKA, ICMP]],
    ],
    none: undefined,
  },
  experimental: {
    match: [
      ['_flow.l7.http.code == 404u', [HTTP_RESPONSE]],
      ['_flow.l7.kafka.topic.startsWith("ord")', [KAFKA]],
    ],
    none: 'false',
    bad: [['1 + 1', 'error compiling CEL expression: got "int", wanted "bool" result type']],
  },
}

/** A filter of one field with one value. */
export function filterOf(name: string, value: unknown): FlowFilter {
  if (name === 'experimental') return { experimental: { cel_expression: [value as string] } }
  return { [name]: [value] }
}

/** CEL expressions that find something, and what they would be for some flow. */
export const EXPRESSIONS: readonly string[] = [
  'true',
  '_flow.verdict == Verdict.DROPPED',
  '_flow.verdict == flow.Verdict.DROPPED || _flow.verdict == 5',
  '_flow.l4.TCP.destination_port == 80u',
  '_flow.l4.TCP.flags.SYN && !_flow.l4.TCP.flags.ACK',
  'has(_flow.l4.UDP) || has(_flow.l4.ICMPv6)',
  'has(_flow.source)',
  'has(_flow.source.labels)',
  'has(_flow.l7.http) && _flow.l7.http.code == 0u',
  '_flow.l7.http.code / 100u == 4u',
  '_flow.l7.http.headers.exists(h, h.key == "X-Team" && h.value == "core")',
  '_flow.l7.kafka.topic.startsWith("ord")',
  '_flow.source.labels.exists(l, l.contains("app="))',
  '_flow.source.labels.all(l, l.startsWith("k8s:"))',
  '_flow.source.labels.exists_one(l, l == "reserved:world")',
  '_flow.source.labels.filter(l, l.endsWith("3")).size() == 1',
  '_flow.destination.workloads.map(w, w.name) == ["backend"]',
  '"api.example.com" in _flow.destination_names',
  '_flow.source_names[0] == "frontend.shop.svc"',
  '_flow.source == _flow.destination',
  '_flow.is_reply == false',
  '_flow.is_reply == null',
  'has(_flow.is_reply)',
  '_flow.time > timestamp("1970-01-01T00:00:03Z")',
  '_flow.time.getSeconds() == 4',
  '_flow.ip_trace_id.trace_id == 18446744073709551615u',
  '_flow.IP.source.matches("^10[.]20[.]")',
  '_flow.l7.dns.query.matches("^api.*com[.]$")',
  '_flow.traffic_direction in [TrafficDirection.INGRESS, TrafficDirection.EGRESS]',
  'int(_flow.source.identity) > 4000',
  'string(_flow.l4.TCP.source_port) == "9"',
  'int(_flow.time) == 3',
  'string(_flow.time) == "1970-01-01T00:00:02Z"',
  '_flow.time - timestamp("1970-01-01T00:00:01Z") == duration("3s")',
  '_flow.time + duration("1m") < timestamp("1970-01-01T00:01:03Z")',
  'int(_flow.ip_trace_id.trace_id) == 0',
  'uint(_flow.verdict) == 5u && double(_flow.verdict) > 4.5',
  '_flow.node_name < "f" && _flow.node_name > "e"',
  '_flow.source.labels[2] == "k8s:tier=3"',
  '(_flow.source.labels + _flow.destination.labels).size() == 5',
  '{"shop": 1, "default": 2}[_flow.source.namespace] == 2',
  'type(_flow.verdict) == int',
  '_flow.verdict == 1 ? _flow.event_type.type == 4 : false',
  '10 / _flow.drop_reason_desc > 0',
  '_flow.drop_reason_desc == DropReason.POLICY_DENIED && size(_flow.node_labels) == 0',
]

/** And those that are right for no flow. */
export const WRONG_EXPRESSIONS: readonly string[] = [
  '',
  '_flow.',
  'x == 1',
  '1',
  '_flow.verdict',
  '_flow.nothing == 1',
  'has(_flow.nothing)',
  '_flow.verdict == "DROPPED"',
  '_flow.verdict == Verdict.NOTHING',
  '_flow.l4.TCP.destination_port == 80',
  '_flow.Summary.matches(1)',
  '_flow.Summary.split("")[0] == "a"',
  'cel.bind(x, 1, x == 1)',
  '_flow.source.labels.all(l, l)',
]
