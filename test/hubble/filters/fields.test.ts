import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { EndpointTable } from '../../../src/flow/endpoint.ts'
import { Ends } from '../../../src/flow/ends.ts'
import { uuidPrefix } from '../../../src/flow/hubble-uuid.ts'
import { LocalAddresses } from '../../../src/flow/local-addresses.ts'
import { messageFields } from '../../../src/hubble/definition.ts'
import { compileFilters } from '../../../src/hubble/filters/compile.ts'
import { FIELDS } from '../../../src/hubble/filters/fields.ts'
import type { FlowFilter } from '../../../src/hubble/filters/flow-filter.ts'
import { foreignBatch } from '../../support/foreign-batch.ts'

/** Each field of `flow.FlowFilter` once: what it matches, what not, and what it says of a bad value. */
const test = suite('fields of flow filters')

const UUID = '6f8e0c4e-3b0a-4d8c-9a55-0b7b1f3a2c11'
const TRACE = '0af7651916cd43dd8448eb211c80319c'

const FRONTEND = {
  ID: 7,
  identity: 4_001,
  namespace: 'shop',
  labels: ['k8s:app=frontend', 'k8s:io.kubernetes.pod.namespace=shop', 'k8s:tier=3'],
  pod_name: 'frontend-5d9c-x',
  workloads: [{ name: 'frontend', kind: 'Deployment' }],
  cluster_name: 'east',
}
const BACKEND = {
  identity: 4_002,
  namespace: 'default',
  labels: ['container:app=web', 'k8s:app=backend'],
  pod_name: 'backend-0',
  workloads: [{ name: 'backend', kind: 'StatefulSet' }],
  cluster_name: 'west',
}
const WORLD = { identity: 2, labels: ['cidr:10.20.0.0/16', 'reserved:world'] }

const HTTP_REQUEST = 0
const HTTP_RESPONSE = 1
const DNS = 2
const DROP = 3
const KAFKA = 4
const ICMP = 5

/** Numbers above are their rows. */
const FLOWS: object[] = [
  {
    time: { seconds: 1 },
    uuid: UUID,
    verdict: 1,
    IP: { source: '10.0.0.1', destination: '10.0.0.2', ipVersion: 1, source_xlated: '192.0.2.1' },
    l4: { TCP: { source_port: 40_000, destination_port: 80, flags: { SYN: true, ACK: true } } },
    source: FRONTEND,
    destination: BACKEND,
    source_service: { name: 'front', namespace: 'shop' },
    destination_service: { name: 'back', namespace: 'default' },
    Type: 2,
    node_name: 'east/node-1',
    node_labels: ['kubernetes.io/os=linux', 'zone=a'],
    source_names: ['frontend.shop.svc'],
    destination_names: ['backend.default.svc', 'api.example.com'],
    l7: {
      type: 1,
      http: {
        method: 'GET',
        url: 'http://api.example.com/v1/it%65ms?page=2',
        protocol: 'HTTP/1.1',
        headers: [{ key: 'X-Team', value: 'core' }],
      },
    },
    is_reply: { value: false },
    event_type: { type: 129 },
    traffic_direction: 1,
    interface: { index: 12, name: 'lxc1' },
    trace_context: { parent: { trace_id: TRACE } },
    ip_trace_id: { trace_id: '18446744073709551615' },
  },
  {
    time: { seconds: 2 },
    verdict: 1,
    IP: { source: '10.0.0.2', destination: '10.0.0.1', ipVersion: 1, encrypted: true },
    l4: { TCP: { source_port: 80, destination_port: 40_000 } },
    source: BACKEND,
    destination: FRONTEND,
    node_name: 'node-2',
    l7: { type: 2, latency_ns: 1_000_000, http: { code: 404, method: 'GET', url: '/v1/none' } },
    is_reply: { value: true },
    event_type: { type: 129 },
    traffic_direction: 2,
  },
  {
    time: { seconds: 3 },
    verdict: 5,
    IP: { source: '10.0.0.1', destination: '10.0.0.53', ipVersion: 1 },
    l4: { UDP: { source_port: 5_353, destination_port: 53 } },
    source: FRONTEND,
    l7: { type: 1, dns: { query: 'api.example.com.' } },
    event_type: { type: 129 },
    is_reply: { value: false },
  },
  {
    time: { seconds: 4 },
    verdict: 2,
    drop_reason_desc: 133,
    IP: { source: '10.20.3.4', destination: '10.0.0.2', ipVersion: 1 },
    l4: { TCP: { source_port: 9, destination_port: 22, flags: { SYN: true } } },
    source: WORLD,
    destination: BACKEND,
    event_type: { type: 1, sub_type: 133 },
  },
  {
    time: { seconds: 5 },
    verdict: 1,
    IP: { source: '10.0.0.1', destination: '10.0.0.9', ipVersion: 1 },
    l4: { TCP: { source_port: 40_001, destination_port: 9_092 } },
    l7: { type: 1, kafka: { topic: 'orders' } },
    event_type: { type: 129 },
  },
  {
    time: { seconds: 6 },
    verdict: 1,
    IP: { source: '2001:db8::1', destination: '2001:db8::2', ipVersion: 2 },
    l4: { ICMPv6: { type: 128 } },
    event_type: { type: 4, sub_type: 3 },
  },
]

const ends = new Ends(new EndpointTable(), new LocalAddresses(() => []))
const batch = foreignBatch(ends.table, FLOWS)
const context = { ends, nodeName: 'node-0', uuidPrefix: uuidPrefix(UUID) }

function matches(filter: FlowFilter): number[] {
  const out = new Uint8Array(batch.length)
  compileFilters([filter], [], context)(batch, 0, batch.length, out, 1)
  return [...out.keys()].filter((row) => out[row] === 1)
}

interface Row {
  /** Each is a value of the field, and the rows it matches. */
  match: [value: unknown, rows: number[]][]
  /** Matches no row. */
  none: unknown
  /** And what is said of it; without: any value of its type is a good one. */
  bad?: [value: unknown, message: string][]
}

const ADDRESS_ERRORS: Row['bad'] = [
  ['', 'invalid IP address "" in filter: ParseAddr(""): unable to parse IP'],
  ['10.0.0', 'invalid IP address "10.0.0" in filter: ParseAddr("10.0.0"): IPv4 address too short'],
  ['10.0.0.0.1', 'invalid IP address "10.0.0.0.1" in filter: ParseAddr("10.0.0.0.1"): IPv4 address too long'],
  ['10.0.0.256', 'invalid IP address "10.0.0.256" in filter: ParseAddr("10.0.0.256"): IPv4 field has value >255'],
  [
    '10.0.0.01',
    'invalid IP address "10.0.0.01" in filter: ParseAddr("10.0.0.01"): IPv4 field has octet with leading zero',
  ],
  [
    '10..0.1',
    'invalid IP address "10..0.1" in filter: ParseAddr("10..0.1"): IPv4 field must have at least one digit (at ".0.1")',
  ],
  ['10.0.0.x', 'invalid IP address "10.0.0.x" in filter: ParseAddr("10.0.0.x"): unexpected character (at "x")'],
  ['host', 'invalid IP address "host" in filter: ParseAddr("host"): unable to parse IP'],
  [
    '10.0.0.0/33',
    'invalid IP prefix "10.0.0.0/33" in filter: netip.ParsePrefix("10.0.0.0/33"): prefix length out of range',
  ],
  [
    '10.0.0.0/x',
    'invalid IP prefix "10.0.0.0/x" in filter: netip.ParsePrefix("10.0.0.0/x"): bad bits after slash: "x"',
  ],
  [
    '10.0/8',
    'invalid IP prefix "10.0/8" in filter: netip.ParsePrefix("10.0/8"): ParseAddr("10.0"): IPv4 address too short',
  ],
  [
    'fe80::1%e/64',
    'invalid IP prefix "fe80::1%e/64" in filter: netip.ParsePrefix("fe80::1%e/64"): IPv6 zones cannot be present in a prefix',
  ],
]

const PATTERN_ERRORS: Row['bad'] = [
  ['', 'empty pattern'],
  ['a..', 'multiple trailing dots in pattern'],
  ['a?b', "'?': invalid rune in pattern"],
]

const REGEXP_ERRORS: [string, string][] = [
  ['(', 'error parsing regexp: missing closing ): `(`'],
  ['a**', 'error parsing regexp: invalid nested repetition operator: `**`'],
  ['(?=a)', 'error parsing regexp: invalid or unsupported Perl syntax: `(?=`'],
  ['a{1001}', 'error parsing regexp: invalid repeat count: `{1001}`'],
  ['x'.repeat(4_097), 'regular expression of 4097 characters, at most 4096 are taken'],
  ['(?:abcdefghijk){1000}', 'too large regular expressions: together they may have 10000 instructions'],
]

function portRow(side: string, match: Row['match'], none: string): Row {
  const bad = (text: string, why: string): [string, string] => [
    text,
    `invalid ${side} port filter: invalid port "${text}": strconv.ParseUint: parsing "${text}": ${why}`,
  ]
  const syntax = 'invalid syntax'
  return {
    match,
    none,
    bad: [bad('', syntax), bad('http', syntax), bad('-1', syntax), bad('65536', 'value out of range')],
  }
}

function labelRow(side: string, match: Row['match'], none: string): Row {
  const bad = (text: string, why: string): [string, string] => [text, `invalid ${side} label filter: ${why}`]
  const requirement = 'unable to parse requirement: '
  return {
    match,
    none,
    bad: [
      bad('a b', `${requirement}found 'b', expected: in, notin, =, ==, !=, gt, lt`),
      bad('a in b', `${requirement}found 'b' expected: '('`),
      bad('a in (b', `${requirement}found '', expected: ',' or ')'`),
      bad('a in (!)', `${requirement}found '!', expected: ',', ')' or identifier`),
      bad('a=(', `${requirement}found '(', expected: identifier`),
      bad('a>x', `${requirement}values[0]: Invalid value: "x": for 'Gt', 'Lt' operators, the value must be an integer`),
      bad('!a=b', `found '=', expected: ',' or 'end of string'`),
      bad('a,', `found '', expected: identifier after ','`),
      bad(
        'k8s:',
        `${requirement}<nil>: Invalid value: "k8s.": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character`,
      ),
      bad(
        `a=${'x'.repeat(64)}`,
        `${requirement}values[0][any.a]: Invalid value: "${'x'.repeat(64)}": must be no more than 63 bytes`,
      ),
    ],
  }
}

const NAMELESS = 'invalid filter, name must not be empty'

const ROWS: Record<keyof FlowFilter, Row> = {
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
    bad: REGEXP_ERRORS.map(([value, message]) => [
      value,
      `invalid DNS query filter: failed to compile regexp: ${message}`,
    ]),
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
    bad: REGEXP_ERRORS.map(([value, message]) => [value, `invalid http path filter: ${value}: ${message}`]),
  },
  http_url: {
    match: [['example.*page=[0-9]', [HTTP_REQUEST]]],
    none: '^/v2',
    bad: REGEXP_ERRORS.map(([value, message]) => [value, `invalid http url filter: ${value}: ${message}`]),
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

/** The field with one value. */
function filterOf(name: string, value: unknown): FlowFilter {
  if (name === 'experimental') return { experimental: { cel_expression: [value as string] } }
  return { [name]: [value] }
}

test('every field of the API has its row, and is compiled', () => {
  const names = messageFields('flow.FlowFilter').map(({ name }) => name)
  assert.equal(Object.keys(ROWS).sort(), [...names].sort())
  assert.equal(Object.keys(FIELDS).sort(), [...names].sort())
})

for (const [name, { match, none, bad = [] }] of Object.entries(ROWS)) {
  for (const [value, rows] of match)
    test(`${name} ${text(value)} matches`, () => assert.equal(matches(filterOf(name, value)), rows))
  // Of two truth values each has its rows.
  if (none !== undefined)
    test(`${name} ${text(none)} matches nothing`, () => assert.equal(matches(filterOf(name, none)), []))
  for (const [value, message] of bad)
    test(`${name} ${text(value)} is refused`, () => {
      assert.throws(
        () => matches(filterOf(name, value)),
        (error: Error) => (error.message === message ? true : assert.is(error.message, message)),
      )
    })
}

function text(value: unknown): string {
  const written = typeof value === 'bigint' ? String(value) : JSON.stringify(value)
  return written.length > 60 ? `${written.slice(0, 60)}…` : written
}

const HTTP_WORDS = {
  http_status_code: ['status code', '404'],
  http_method: ['method', 'GET'],
  http_path: ['path', '/'],
  http_url: ['url', '/'],
  http_header: ['headers', { key: 'a', value: 'b' }],
} as const
for (const [name, [words, value]] of Object.entries(HTTP_WORDS))
  test(`${name} needs events of type l7`, () => {
    const filter = filterOf(name, value)
    assert.throws(
      () => matches({ ...filter, event_type: [{ type: 1 }, { type: 4 }] }),
      (error: Error) =>
        error.message === `filtering by http ${words} requires the event type filter to only match 'l7' events`,
    )
    assert.equal(matches({ ...filter, event_type: [{ type: 1 }, { type: 129 }] }), matches(filter))
  })

test('the values of a field are alternatives, the fields of a filter are not', () => {
  assert.equal(matches({ source_port: ['80', '9'], verdict: [1, 2] }), [HTTP_RESPONSE, DROP])
  assert.equal(matches({ http_url: ['^/v1', 'page'], http_method: ['GET'], reply: [false] }), [HTTP_REQUEST])
})

test.run()
