import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { readMetrics } from '../../../src/processors/hubble_metrics/metric-list.ts'

const NAMES = 'dns drop flow flows-to-world http httpV2 icmp policy port-distribution tcp'

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
    want: [['dns', { query: [], ignoreaaaa: [] }]],
  },
  { name: 'empty options', list: [' dns:;query; '], want: [['dns', { query: [] }]] },
  { name: 'values', list: ['dns:query=a|b,c'], want: [['dns', { query: ['a', 'b,c'] }]] },
  { name: 'values without |', list: ['dns:query=a,b'], want: [['dns', { query: ['a', 'b'] }]] },
  { name: 'a limit in a line', list: ['flow:cardinality_limit=10'], want: [['flow', {}, 10]] },
  {
    name: 'maps',
    list: [{ name: 'dns', query: true, ignoreAAAA: false, cardinality_limit: 5 }],
    want: [['dns', { query: [] }, 5]],
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
    name: 'an unknown option',
    list: ['dns:foo'],
    path: '0',
    message: 'option "foo" of metric "dns" is unknown (valid values: [query ignoreaaaa cardinality_limit])',
  },
  {
    name: 'contexts',
    list: ['flow:sourceContext=pod'],
    path: '0',
    message:
      'option "sourcecontext" of metric "flow" is not supported: series carry no contexts yet (valid values: [cardinality_limit])',
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
  reading(`refuses ${name}`, () => assert.equal(readMetrics(list).problems, [{ path: ['metrics', path], message }]))

reading.run()
