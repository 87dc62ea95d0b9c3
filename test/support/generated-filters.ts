import fc from 'fast-check'
import { ADDRESSES, DNS_NAMES, PORTS } from './generated-flows.ts'

/** `flow.FlowFilter`s at random: every field, a few of all values malformed. */

/** Lists of values of a field. */
interface Values {
  good: fc.Arbitrary<unknown[]>
  /** With a malformed one among them; undefined where whatever is asked for is well-formed. */
  bad: fc.Arbitrary<unknown[]> | undefined
}

/** One of so many has a mistake. */
export const RARELY = 12

function values<T>(one: fc.Arbitrary<T>, malformed: readonly T[] = []): Values {
  const some = (minLength: number) => fc.array(one, { minLength, maxLength: minLength + 2 })
  if (malformed.length === 0) return { good: some(1), bad: undefined }
  const mistaken = fc.tuple(some(0), fc.constantFrom(...malformed), some(0))
  return { good: some(1), bad: mistaken.map(([before, mistake, after]) => [...before, mistake, ...after]) }
}

function texts(good: readonly string[], bad: readonly string[] = []): Values {
  return values(fc.constantFrom(...good), bad)
}

const IPS = texts(
  [
    ...ADDRESSES,
    '10.0.0.0/8',
    '10.1.0.1/32',
    '0.0.0.0/0',
    '2001:db8::/32',
    '::/0',
    '::ffff:10.1.0.1',
    '2001:DB8::1',
    '2001:db8:0::1',
    '10.1.0.9/16',
  ],
  ['', '10.1', '10.1.0.1/33', 'a/b', '10.01.0.1', '::1/129', '10.1.0.1/', '/8', '10.1.0.1 ', 'fe80::1%eth0/64'],
)
const PODS = texts(
  [
    'xwing',
    'xwing-0',
    'default/',
    'default/death',
    '/',
    '/core',
    'kube-system/',
    'kube-system/coredns-1',
    'default/xwing/more',
    'nobody',
  ],
  [''],
)
const SERVICES = texts(['deathstar', 'default/', '/kube', 'kube-system/kube-dns', '/', 'default/deathstar'], [''])
const FQDNS = texts(
  [
    ...DNS_NAMES,
    '*.example.com',
    '*',
    'WWW.example.com',
    'dns.google.',
    ' dns.google ',
    '*.cluster.local*',
    'a.*.com',
    'api_v1.*',
  ],
  ['', '.', 'a..', 'a/b', 'x y', 'ü.com', '[a]', '$.com', '..'],
)
const LABELS = texts(
  [
    'app=xwing',
    'k8s:app=xwing',
    'app==deathstar',
    'app!=xwing',
    'app in (xwing,deathstar)',
    'app notin (xwing)',
    'app',
    '!app',
    'reserved:world',
    'reserved:host',
    'k8s:org=alliance,app',
    'class',
    'class=',
    '!class,org',
    'any:app=xwing',
    'cidr:10.1.0.0/16',
    'cidr:10.0.0.0/8',
    'cidr:10.1.2.0/24',
    'io.kubernetes.pod.namespace=kube-system',
    'k8s-app=kube-dns',
    '',
    'reserved:unknown',
    'x in ()',
    'app in (xwing,)',
    'app=',
    'reserved:world-ipv4',
    'container:app',
    'app > 1',
    'app < 9',
    'k8s:',
    'a.b/c=d',
    'app  in  ( xwing , tie )',
  ],
  [
    '=',
    'app=(',
    'app in',
    'app in xwing',
    'a b',
    '!app=x',
    'app,,org',
    'app==',
    '-app=x',
    'app=x y',
    'app in (a',
    ',',
    'app=-x',
    'app>x',
    `${'a'.repeat(64)}=b`,
    'app=!',
  ],
)
const CLUSTERS = texts(['east', 'default', 'west'], [''])
const PORT_TEXTS = texts(PORTS.map(String), [
  '',
  'http',
  '65536',
  '-1',
  '080',
  '+80',
  '1e3',
  '8_0',
  '0x50',
  '99999999999999999999',
])
const IDENTITIES = values(fc.constantFrom(0, 1, 2, 3, 6, 1_001, 1_002, 1_003, 16_777_217, 4_294_967_295))
const WORKLOADS = values(
  fc.record(
    {
      name: fc.constantFrom('', 'xwing', 'deathstar', 'coredns', 'x'),
      kind: fc.constantFrom('', 'Deployment', 'StatefulSet'),
    },
    { requiredKeys: [] },
  ),
)
const REGEXPS = [
  'example',
  '^www',
  '\\.com\\.$',
  '^$',
  '(?i)WWW',
  'a|b',
  'dns\\.goo+gle',
  '[a-c]\\.',
  '/v1/.*',
  '.',
  '\\bcom\\b',
  '(?P<n>a)',
  '^/$',
]
const BAD_REGEXPS = ['(', '[', '*a', 'a**', '\\', 'a{1001}', '(?<=x)', '(?i', '[z-a]', '\\p{Foo}', 'a{2,1}', '\\8', ')']
const BOOLEANS = values(fc.boolean())

function either<T>(name: string, values: T): Record<string, T> {
  return { [`source_${name}`]: values, [`destination_${name}`]: values }
}

const FLAGS = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG', 'ECE', 'CWR', 'NS']

/** By field of `flow.FlowFilter`. @param uuids of the flows */
function fields(uuids: readonly string[]): Readonly<Record<string, Values>> {
  return {
    ...either('ip', IPS),
    ...either('pod', PODS),
    ...either('fqdn', FQDNS),
    ...either('label', LABELS),
    ...either('service', SERVICES),
    ...either('workload', WORKLOADS),
    ...either('cluster_name', CLUSTERS),
    ...either('port', PORT_TEXTS),
    ...either('identity', IDENTITIES),
    source_ip_xlated: IPS,
    uuid: texts([...uuids, 'no-uuid', '']),
    traffic_direction: values(fc.constantFrom(0, 1, 2, 9)),
    verdict: values(fc.constantFrom(0, 1, 2, 4, 7)),
    drop_reason_desc: values(fc.constantFrom(0, 133, 178, 130)),
    interface: values(
      fc.record(
        { index: fc.constantFrom(0, 2, 7), name: fc.constantFrom('', 'eth0', 'veth7', 'x') },
        { requiredKeys: [] },
      ),
    ),
    event_type: values(
      fc.record(
        {
          type: fc.constantFrom(0, 1, 4, 5, 129, 130),
          match_sub_type: fc.boolean(),
          sub_type: fc.constantFrom(0, 3, 11, 133),
        },
        { requiredKeys: [] },
      ),
    ),
    http_status_code: texts(['200', '404', '5+', '40+', '1+'], ['', '20', '600', '2x', '+', '5++', '2000']),
    http_method: texts(['GET', 'post', '']),
    http_path: texts(REGEXPS, BAD_REGEXPS),
    http_url: texts(REGEXPS, BAD_REGEXPS),
    http_header: values(
      fc.record({ key: fc.constantFrom('Host', 'host', ''), value: fc.constantFrom('deathstar', '') }),
    ),
    protocol: texts(
      ['tcp', 'UDP', 'icmp', 'icmpv4', 'ICMPv6', 'sctp', 'vrrp', 'igmp', 'dns', 'http', 'kafka'],
      ['', 'quic', ' tcp', 'icmpv5'],
    ),
    reply: BOOLEANS,
    dns_query: texts(REGEXPS, BAD_REGEXPS),
    tcp_flags: values(
      fc.subarray(FLAGS, { maxLength: 3 }).map((set) => Object.fromEntries(set.map((flag) => [flag, true]))),
    ),
    node_name: texts(
      ['node-1', 'node-*', '*', 'default/node-1', 'default/', '/node-1', 'east/node-1', '*/node-1', 'other', 'NODE-1'],
      ['', '/', 'a/b/c', 'a b', 'node-1..', 'a/../b', '$'],
    ),
    node_labels: texts(
      ['zone=a', 'zone', '!zone', 'zone in (a,b)', 'disk notin (ssd)', 'kubernetes.io/hostname=node-1'],
      ['=', 'a b', 'k8s:zone=a=b'],
    ),
    ip_version: values(fc.constantFrom(0, 1, 2, 5)),
    trace_id: texts(['0af7651916cd43dd8448eb211c80319c', '']),
    ip_trace_id: values(fc.constantFrom(0, 77, 2 ** 40)),
    encrypted: BOOLEANS,
    experimental: values(
      fc.constantFrom('true', '_flow.verdict == Verdict.DROPPED', '_flow.source.identity > uint(1001)', 'false'),
      ['', '1', '_flow.nothing', 'verdict ==', '"a"'],
    ),
  }
}

/** Of two fields at most; with one mistake at most, for which mistake of several is told first says nothing. */
export function flowFilter(uuids: readonly string[], tested: readonly string[]): fc.Arbitrary<object> {
  const all = fields(uuids)
  const one = fc
    .tuple(fc.subarray([...tested], { maxLength: 2 }), fc.nat(RARELY))
    .chain(([chosen, mistake]) =>
      fc.record(
        Object.fromEntries(
          chosen.map((name, i) => [name, (mistake === 0 && i === 0 ? all[name]!.bad : undefined) ?? all[name]!.good]),
        ),
      ),
    )
  return one.map(({ experimental, ...rest }: { experimental?: unknown }) =>
    experimental === undefined ? rest : { ...rest, experimental: { cel_expression: experimental } },
  )
}

/** Every field of `flow.FlowFilter`. */
export const FILTER_FIELDS: readonly string[] = Object.keys(fields(['']))
