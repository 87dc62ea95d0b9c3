import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { FlowBatch } from '../../../src/flow/batch.ts'
import { EndpointTable } from '../../../src/flow/endpoint.ts'
import { Ends } from '../../../src/flow/ends.ts'
import { HubbleEncoder } from '../../../src/flow/hubble-encode.ts'
import { uuidPrefix } from '../../../src/flow/hubble-uuid.ts'
import { LocalAddresses } from '../../../src/flow/local-addresses.ts'
import { messageFields } from '../../../src/hubble/definition.ts'
import { compileFilters } from '../../../src/hubble/filters/compile.ts'
import { uuidText } from '../../support/flow-uuid.ts'
import { foreignBatch } from '../../support/foreign-batch.ts'
import { sampleBatch } from '../../support/hubble-flows.ts'

const cel = suite('CEL filters')

const PREFIX = uuidPrefix('0f8fad5b-d9cb-469f-a165-70867728950e')
const table = new EndpointTable()
const ends = new Ends(table, new LocalAddresses(() => []))
const encoder = new HubbleEncoder({
  nodeName: 'node-1',
  emitter: { name: 'Fovea', version: '1' },
  ends,
  uuidPrefix: PREFIX,
})
const context = { ends, nodeName: 'node-1', uuidPrefix: PREFIX, encoder }
const own = sampleBatch(table)

function matches(batch: FlowBatch, ...expressions: string[]): number[] {
  const out = new Uint8Array(batch.length)
  compileFilters([{ experimental: { cel_expression: expressions } }], [], context)(batch, 0, batch.length, out, 5)
  return [...out.keys()].filter((row) => out[row] === 1)
}

const ALL = [...Array(own.length).keys()]

for (const [expression, rows] of [
  ['_flow.verdict == Verdict.DROPPED', [2, 9]],
  ['_flow.verdict == flow.Verdict.DROPPED && _flow.l4.TCP.destination_port == 22u', [9]],
  ['_flow.verdict == 2', [2, 9]],
  ['_flow.drop_reason_desc in [DropReason.POLICY_DENIED, DropReason.INVALID_SOURCE_IP]', [2]],
  ['_flow.source.labels.exists(l, l == "k8s:app=xwing")', [0, 2, 3, 4, 10]],
  ['size(_flow.source.labels) > 1', [0, 2, 3, 4, 10]],
  ['_flow.source.workloads.exists(w, w.kind == "Deployment")', [1, 5]],
  ['_flow.source == _flow.destination', [6, 7]],
  ['_flow.is_reply == true', [1, 5]],
  ['_flow.is_reply == null', [2, 9]],
  ['has(_flow.is_reply) && !_flow.is_reply && has(_flow.l7)', [4]],
  ['has(_flow.l7.dns)', [4, 5]],
  ['has(_flow.l7.http)', []],
  ['has(_flow.l4.UDP) || has(_flow.l4.SCTP)', [4, 5, 6, 8]],
  ['has(_flow.source.workloads)', [1, 5]],
  ['_flow.l7.http.code == 0u', ALL],
  ['_flow.l7.latency_ns > 2000000u', [5]],
  ['_flow.l7.dns.query.matches("^www[.]go+gle")', [4, 5]],
  ['matches(_flow.Summary, "SYN.*ACK")', [1]],
  ['_flow.time >= timestamp("2026-01-02T03:04:09Z")', [9, 10]],
  ['_flow.IP.source.startsWith("192.0.2.")', [9]],
  ['_flow.interface.index == 7u && _flow.interface.name == "veth7"', [0]],
  ['_flow.tunnel.protocol == Tunnel.Protocol.VXLAN', []],
  ['_flow.extensions.drop_reason == "NO_SOCKET"', [9]],
  ['_flow.emitter.name == "Fovea" && _flow.node_name == "node-1"', ALL],
  [`_flow.uuid == "${uuidText(PREFIX, 5, 3)}"`, [3]],
  // What has no value for a flow does not match it.
  ['_flow.source.labels[1] == "k8s:org=alliance"', [0, 2, 3, 4, 10]],
  ['1 / (_flow.verdict - 1) == 1', [2, 9]],
] as const)
  cel(`${expression} is true of its flows`, () => assert.equal(matches(own, expression), rows))

cel('one of several expressions is enough, up to the first without a value', () => {
  assert.equal(matches(own, 'has(_flow.l7)', '_flow.verdict == 2'), [2, 4, 5, 9])
  assert.equal(matches(own, '_flow.source.labels[1] != ""', 'true'), [0, 2, 3, 4, 10])
})

cel('flows of other observers are seen with the fields that columns have no place for', () => {
  const batch = foreignBatch(table, [
    {
      uuid: 'a',
      IP: { source: '10.0.0.1', encrypted: true },
      ip_trace_id: { trace_id: '18446744073709551615' },
      socket_cookie: '9007199254740993',
      policy_log: ['one', 'two'],
      egress_allowed_by: [{ name: 'allow-all', revision: 3 }],
      l7: { http: { code: 503, headers: [{ key: 'a', value: 'b' }] } },
      aggregate: { ingress_flow_count: 4 },
    },
    { uuid: 'b' },
  ])
  for (const expression of [
    '_flow.uuid == "a"',
    '_flow.IP.encrypted',
    '_flow.ip_trace_id.trace_id == 18446744073709551615u',
    '_flow.socket_cookie == 9007199254740993u',
    '"two" in _flow.policy_log',
    '_flow.egress_allowed_by.exists(p, p.name == "allow-all" && p.revision == 3u)',
    '_flow.l7.http.headers.exists(h, h.key == "a")',
    'has(_flow.aggregate)',
  ])
    assert.equal(matches(batch, expression), [0], expression)
})

cel('every field of flows has a type', () => {
  for (const { name } of messageFields('flow.Flow')) matches(own, `has(_flow.${name})`)
})

cel('an expression that fails for a flow of too many values does not match it', () => {
  const labels = Array.from({ length: 300 }, (_, i) => `k8s:a${i}`)
  const batch = foreignBatch(table, [{ source: { labels } }, { source: { labels: labels.slice(0, 100) } }])
  assert.equal(matches(batch, '_flow.source.labels.exists(l, l == "k8s:a7")'), [1])
})

for (const [expression, message] of [
  ['_flow.nothing == 1', 'No such key: nothing'],
  ['_flow.verdict == Verdict.DROPED', 'No such key: DROPED'],
  ['has(_flow.nothing)', 'No such key: nothing'],
  ['flow.verdict == 1', 'No such key: verdict'],
  ['x == 1', 'Unknown variable: x'],
  ['_flow.verdict == "DROPPED"', 'no such overload: int == string'],
  ['_flow.l4.TCP.destination_port == 80', 'no such overload: uint == int'],
  ['_flow.Summary.matches(3)', "found no matching overload for 'string.matches(int)'"],
  ['_flow.Summary.matches("(")', 'error parsing regexp: missing closing ): `(`'],
  ['_flow.', 'Expected IDENTIFIER, got EOF'],
  ['', 'Unexpected token: EOF'],
  ['_flow.verdict', 'got "int", wanted "bool" result type'],
  ['_flow.is_reply', 'got "dyn", wanted "bool" result type'],
  ['cel.bind(x, 1, x == 1)', "undeclared reference to 'bind' (in container 'flow')"],
  ['_flow.Summary.split("").size() > 1', "undeclared reference to 'split' (in container 'flow')"],
  [
    '_flow.source.labels.all(a, _flow.source.labels.all(b, _flow.source.labels.all(c, a == c)))',
    'expressions may take ',
  ],
  [
    '[1, 2, 3].map(a, [1, 2, 3].map(b, [1, 2, 3].map(c, [1, 2, 3].map(d, [1, 2, 3].map(e, [1, 2, 3].map(f, [1, 2, 3])))))).size() > 0',
    'expressions may take ',
  ],
  [`${'('.repeat(100)}true${')'.repeat(100)}`, 'Exceeded maxDepth'],
  [`${'!'.repeat(4_000)}true`, 'Exceeded maxAstNodes'],
  [`"${'a'.repeat(4_096)}" == ""`, 'it has 4104 characters, at most 4096 are taken'],
] as const)
  cel(`${expression.slice(0, 60)} is refused`, () => {
    assert.throws(
      () => matches(own, expression),
      (error: Error) =>
        error.name === 'FilterError' && error.message.startsWith(`error compiling CEL expression: ${message}`),
    )
  })

cel('many small expressions cost as much as a large one', () => {
  assert.throws(() => matches(own, ...Array.from({ length: 600 }, () => 'true')), /expressions may take/)
})

cel('a regular expression of a flow cannot stall: it is matched in linear time', () => {
  const summary = `${'a'.repeat(20_000)}!`
  const batch = foreignBatch(table, [{ Summary: summary, uuid: '^(a|aa|a*)+$' }])
  assert.equal(matches(batch, '_flow.Summary.matches(_flow.uuid)'), [])
})

cel.run()
