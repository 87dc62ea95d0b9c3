import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { messageType } from '../../../src/hubble/definition.ts'
import { checkFlowFilters, readFlowFilter, readFlowFilters } from '../../../src/hubble/filters/read-json.ts'
import type { Problem } from '../../../src/pipeline/component.ts'

const reading = suite('flow filters from JSON')

function problems(written: unknown): string[] {
  const found: Problem[] = []
  readFlowFilter(written, ['allow', '0'], found)
  return found.map(({ path, message }) => `${path.join('::')}: ${message}`)
}

reading('names of the proto file and of protojson, enums by name and number, integers as text', () => {
  const written = {
    source_pod: ['shop/'],
    destinationPort: [53, '80'],
    verdict: ['DROPPED', 1],
    dropReasonDesc: ['POLICY_DENIED'],
    eventType: [{ type: 1, matchSubType: true, sub_type: 133 }],
    tcp_flags: [{ SYN: true }],
    httpHeader: [{ key: 'a', value: 'b' }],
    ip_trace_id: ['18446744073709551615', 7],
    source_workload: [{ name: 'cart' }],
    reply: [false],
    experimental: { celExpression: ['true'] },
    node_name: null,
  }
  assert.equal(readFlowFilters([written]), [
    {
      source_pod: ['shop/'],
      destination_port: ['53', '80'],
      verdict: [2, 1],
      drop_reason_desc: [133],
      event_type: [{ type: 1, match_sub_type: true, sub_type: 133 }],
      tcp_flags: [{ SYN: true }],
      http_header: [{ key: 'a', value: 'b' }],
      ip_trace_id: [18446744073709551615n, 7n],
      source_workload: [{ name: 'cart' }],
      reply: [false],
      experimental: { cel_expression: ['true'] },
    },
  ])
})

for (const [written, problem] of [
  ['x', 'allow::0: expected a map of filter fields'],
  [[], 'allow::0: expected a map of filter fields'],
  [{ sourcePods: ['a'] }, 'allow::0::sourcePods: unknown filter field'],
  [{ source_pod: ['a'], sourcePod: ['b'] }, 'allow::0::sourcePod: source_pod is given twice'],
  [{ source_pod: 'a' }, 'allow::0::source_pod: expected a list: ["a"]'],
  [{ source_pod: [{}] }, 'allow::0::source_pod::0: expected a text'],
  [{ verdict: ['dropped'] }, 'allow::0::verdict::0: unknown value "dropped", one of VERDICT_UNKNOWN'],
  [{ verdict: [99] }, 'allow::0::verdict::0: unknown value 99'],
  [{ reply: ['true'] }, 'allow::0::reply::0: expected true or false'],
  [{ source_identity: [-1] }, 'allow::0::source_identity::0: expected an integer from 0 to 4294967295'],
  [{ source_identity: [1.5] }, 'allow::0::source_identity::0: expected an integer'],
  [{ event_type: [{ type: 2 ** 31 }] }, 'allow::0::event_type::0::type: expected an integer'],
  [{ event_type: [{ typ: 1 }] }, 'allow::0::event_type::0::typ: unknown filter field'],
  [{ ip_trace_id: ['18446744073709551616'] }, 'allow::0::ip_trace_id::0: expected an integer from 0 to'],
  [{ ip_trace_id: [2 ** 53] }, 'allow::0::ip_trace_id::0: expected an integer from 0 to'],
  [{ experimental: { cel: ['true'] } }, 'allow::0::experimental::cel: unknown filter field'],
] as const)
  reading(`${JSON.stringify(written)} is a problem where it is`, () => {
    const [first = ''] = problems(written)
    assert.is(first.slice(0, problem.length), problem)
  })

reading('a wrong value is a problem of its filter', () => {
  const [problem] = checkFlowFilters([{}, { experimental: { cel_expression: ['1'] } }], ['deny'])
  assert.equal(problem?.path, ['deny', '1'])
  assert.match(problem!.message, 'error compiling CEL expression: got "int"')
})

reading('what is wrong is thrown with its place', () => {
  assert.throws(() => readFlowFilters([{}, { verdict: [true] }]), /^1::verdict::0: unknown value true/)
})

reading('a filter of the API, written as JSON, is read as it was', () => {
  const { serialize, deserialize } = messageType('flow.FlowFilter')
  const text = fc.array(fc.string(), { maxLength: 3 })
  const filters = fc.record(
    {
      source_pod: text,
      destination_fqdn: text,
      verdict: fc.array(fc.integer({ min: 0, max: 7 })),
      source_identity: fc.array(fc.integer({ min: 0, max: 0xffffffff })),
      reply: fc.array(fc.boolean()),
      event_type: fc.array(fc.record({ type: fc.integer({ min: 0, max: 130 }), match_sub_type: fc.boolean() })),
      interface: fc.array(fc.record({ index: fc.nat(), name: fc.string() })),
    },
    { requiredKeys: [] },
  )
  fc.assert(
    fc.property(filters, (filter) => {
      const [read] = readFlowFilters([JSON.parse(JSON.stringify(filter))])
      assert.equal(deserialize(serialize(read!)), deserialize(serialize(filter)))
    }),
  )
})

reading.run()
