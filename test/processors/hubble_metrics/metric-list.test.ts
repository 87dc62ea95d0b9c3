import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { readMetrics } from '../../../src/processors/hubble_metrics/metric-list.ts'

const NAMES = 'dns drop flow flows-to-world http httpV2 icmp policy port-distribution tcp'
const CONTEXTS =
  'sourcecontext sourceingresscontext sourceegresscontext destinationcontext destinationingresscontext ' +
  'destinationegresscontext labelscontext'

const reading = suite('readMetrics')

const accepted: { name: string; list: unknown[]; want: [string, Record<string, string[]>, number?][] }[] = [
  {
    name: 'names alone',
    list: ['dns', 'port-distribution'],
    want: [
      ['dns', {}],
      ['port-distribution', {}],
    ],
  },
  {
    name: "Hubble's options, names in any case",
    list: ['dns:query;ignoreAAAA'],
    want: [['dns', { query: [''], ignoreaaaa: [''] }]],
  },
  { name: 'empty options', list: [' dns:;query; '], want: [['dns', { query: [''] }]] },
  {
    name: 'several metrics in one text',
    list: ['dns:query drop\n  httpV2:exemplars=true;labelsContext=source_ip,source_namespace'],
    want: [
      ['dns', { query: [''] }],
      ['drop', {}],
      ['httpV2', { exemplars: ['true'], labelscontext: ['source_ip', 'source_namespace'] }],
    ],
  },
  {
    name: 'contexts',
    list: ['flow:sourceContext=pod|DNS|ip;destinationEgressContext=reserved-identity|||app|'],
    want: [['flow', { sourcecontext: ['pod', 'DNS', 'ip'], destinationegresscontext: ['reserved-identity', 'app'] }]],
  },
  { name: 'values', list: ['dns:query=a|b,c'], want: [['dns', { query: ['a', 'b,c'] }]] },
  { name: 'values without |', list: ['dns:query=a,b'], want: [['dns', { query: ['a', 'b'] }]] },
  { name: 'a limit in a line', list: ['flow:cardinality_limit=10'], want: [['flow', {}, 10]] },
  {
    name: 'maps',
    list: [{ name: 'dns', query: true, ignoreAAAA: false, cardinality_limit: 5 }],
    want: [['dns', { query: ['true'] }, 5]],
  },
  {
    name: 'contexts in maps, as lists and as texts',
    list: [{ name: 'http', exemplars: true, sourceContext: 'pod|dns', labelsContext: ['source_ip'] }],
    want: [['http', { exemplars: ['true'], sourcecontext: ['pod', 'dns'], labelscontext: ['source_ip'] }]],
  },
  {
    name: "maps as in Hubble's dynamic configuration",
    list: [
      {
        name: 'dns',
        contextOptions: [{ name: 'sourceContext', values: ['pod', 'ip'] }, { name: 'query' }],
        cardinality_limit: 7,
      },
    ],
    want: [['dns', { sourcecontext: ['pod', 'ip'], query: [] }, 7]],
  },
  { name: 'nothing', list: [], want: [] },
]
for (const { name, list, want } of accepted)
  reading(`reads ${name}`, () => {
    const { entries, problems } = readMetrics(list)
    assert.equal(problems, [])
    assert.equal(
      entries.map(({ name: metric, options, limit }) => [metric, Object.fromEntries(options), limit]),
      want.map(([metric, options, limit]) => [metric, options, limit]),
    )
  })

const refused: { name: string; list: unknown[]; path: string; message: string }[] = [
  {
    name: 'an unknown metric',
    list: ['dns', 'sctp'],
    path: '1',
    message: `unknown metric "sctp" (valid values: [${NAMES}])`,
  },
  {
    name: 'kafka',
    list: ['kafka'],
    path: '0',
    message: 'metric "kafka" is not supported: Hubble has deprecated it; leave it out',
  },
  {
    name: 'a name of Object',
    list: ['constructor'],
    path: '0',
    message: `unknown metric "constructor" (valid values: [${NAMES}])`,
  },
  {
    name: 'an unknown option',
    list: ['dns:foo'],
    path: '0',
    message: `option "foo" of metric "dns" is unknown (valid values: [query ignoreaaaa cardinality_limit ${CONTEXTS}])`,
  },
  {
    name: 'an unknown context',
    list: ['flow:sourceContext=pod|host'],
    path: '0',
    message:
      "unknown context 'host' (valid values: [identity namespace pod pod-name dns ip reserved-identity workload workload-name app])",
  },
  {
    name: 'http beside httpV2',
    list: ['http httpV2'],
    path: '0',
    message: 'metric "httpV2" conflicts with metric "http": both make the same series',
  },
  {
    name: 'an option given twice',
    list: [{ name: 'flow', contextOptions: [{ name: 'sourceContext' }], SourceContext: 'pod' }],
    path: '0::SourceContext',
    message: 'option "SourceContext" is given twice',
  },
  {
    name: 'a context option without a name',
    list: [{ name: 'flow', contextOptions: [{ name: 'sourceContext' }, { values: ['pod'] }] }],
    path: '0::contextOptions::1',
    message: '"name" is missing',
  },
  {
    name: 'filters that are no list',
    list: [{ name: 'flow', includeFilters: { verdict: ['DROPPED'] } }],
    path: '0::includeFilters',
    message: 'expected a list',
  },
  {
    name: 'a filter with an unknown field',
    list: [{ name: 'flow', excludeFilters: [{ source_pods: ['a/b'] }] }],
    path: '0::excludeFilters::0::source_pods',
    message: 'unknown filter field, did you mean "source_pod"?',
  },
  {
    name: 'a filter with a wrong value',
    list: [{ name: 'flow', includeFilters: [{ source_ip: ['::1/999'] }] }],
    path: '0::includeFilters::0',
    message: 'invalid IP prefix "::1/999" in filter: netip.ParsePrefix("::1/999"): prefix length out of range',
  },
  { name: 'a metric listed twice', list: ['dns', { name: 'dns' }], path: '1', message: 'metric "dns" is listed twice' },
  { name: 'a map without a name', list: [{ query: true }], path: '0', message: '"name" is missing' },
  { name: 'what is neither', list: [5], path: '0', message: 'expected the name of a metric, or a map with "name"' },
  {
    name: 'a limit that is none',
    list: ['dns:cardinality_limit=0'],
    path: '0',
    message: 'cardinality_limit: expected an integer greater than 0',
  },
]
for (const { name, list, path, message } of refused)
  reading(`refuses ${name}`, () =>
    assert.equal(readMetrics(list).problems, [{ path: ['metrics', ...path.split('::')], message }]),
  )

reading("reads filters by Hubble's names", () => {
  const filters = [{ source_pod: ['kube-system/'] }, { destinationPod: ['a/b'], verdict: ['DROPPED'] }]
  const [entry] = readMetrics([{ name: 'drop', includeFilters: filters, excludeFilters: filters.slice(1) }]).entries
  assert.equal(entry?.include, [{ source_pod: ['kube-system/'] }, { destination_pod: ['a/b'], verdict: [2] }])
  assert.equal(entry?.exclude, [{ destination_pod: ['a/b'], verdict: [2] }])
})

reading.run()
