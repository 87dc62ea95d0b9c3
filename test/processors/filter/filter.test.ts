import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { FlowBatch } from '../../../src/flow/batch.ts'
import { EndpointTable } from '../../../src/flow/endpoint.ts'
import { filterConfig } from '../../../src/processors/filter/config.ts'
import { FilterProcessor } from '../../../src/processors/filter/filter.ts'
import { createContext, ownMetric } from '../../support/create-context.ts'
import { SAMPLE_MS, sampleBatch } from '../../support/hubble-flows.ts'

const test = suite('filter processor')

/** Runs the sample through a processor. @returns numbers of the flows that were passed on; undefined when nothing was */
function run(allow: unknown[], deny: unknown[] = [], lost = false) {
  const endpoints = new EndpointTable()
  const context = Object.assign(createContext('processor', 'filter/x'), { endpoints })
  const passed: FlowBatch[] = []
  const next = { mutates: false, consume: (batch: FlowBatch) => void passed.push(batch) }
  new FilterProcessor(context, { allow, deny }, next).consume(
    sampleBatch(endpoints, lost ? [{ source: 2, count: 9 }] : []),
  )
  const filtered = ownMetric(context, 'otelcol_processor_filter_flows_filtered', { processor: 'filter/x' })
  const flows = passed[0]?.columns.timeSeconds.subarray(0, passed[0].length)
  return { passed, filtered, flows: flows && [...flows].map((seconds) => seconds - SAMPLE_MS / 1_000) }
}

test('allow and deny lists decide together', () => {
  const { flows, filtered } = run(
    [{ source_pod: ['default/'] }],
    [{ destination_port: [80, 443] }, { verdict: ['DROPPED'] }],
  )
  assert.equal(flows, [1, 4])
  assert.is(filtered, 9)
})

test('without lists everything passes, as the same batch', () => {
  assert.is(run([]).flows?.length, 11)
  assert.is(run([]).filtered, 0)
})

test('nothing left is not passed on, unless losses are to be told', () => {
  assert.is(run([], [{}]).passed.length, 0)
  const { passed, filtered } = run([], [{}], true)
  assert.equal([passed[0]?.length, passed[0]?.lost[0]?.count, filtered], [0, 9, 11])
})

const mistakes: { written: object; path: string; message: RegExp }[] = [
  { written: { allow: [{ sorce_ip: ['10.0.0.1'] }] }, path: 'allow::0::sorce_ip', message: /did you mean "source_ip"/ },
  {
    written: { allow: [{}, { verdict: ['DROPED'] }] },
    path: 'allow::1::verdict::0',
    message: /unknown value "DROPED", one of VERDICT_UNKNOWN, /,
  },
  { written: { deny: [{ verdict: 'DROPPED' }] }, path: 'deny::0::verdict', message: /expected a list: \["DROPPED"\]/ },
  { written: { deny: ['DROPPED'] }, path: 'deny::0', message: /expected a map of filter fields/ },
  {
    written: { deny: [{ tcp_flags: [{ SYN: 'yes' }] }] },
    path: 'deny::0::tcp_flags::0::SYN',
    message: /expected true or false/,
  },
  {
    written: { deny: [{ source_identity: ['host'] }] },
    path: 'deny::0::source_identity::0',
    message: /expected an integer/,
  },
  { written: { deny: [{ source_ip: [true] }] }, path: 'deny::0::source_ip::0', message: /expected a text/ },
  { written: { deny: [{ source_ip: ['10.0.0.0/33'] }] }, path: 'deny::0', message: /invalid IP prefix/ },
  { written: { deny: [{ http_status_code: ['6+'] }] }, path: 'deny::0', message: /invalid status code prefix: "6\+"/ },
  { written: { deny: [{ uuid: ['x'] }] }, path: 'deny::0', message: /flows get their UUID later/ },
]
for (const { written, path, message } of mistakes) {
  test(`${JSON.stringify(written)} is a problem at ${path}`, () => {
    const [problem] = filterConfig.check!({ allow: [], deny: [], ...written })
    assert.is(problem?.path.join('::'), path)
    assert.match(problem!.message, message)
  })
}

test('enums may be numbers, ports may be numbers', () => {
  const written = {
    allow: [{ verdict: [2, 'FORWARDED'], drop_reason_desc: ['POLICY_DENIED'], destination_port: [22, '81'] }],
    deny: [],
  }
  assert.equal(filterConfig.check!(written), [])
  assert.equal(run(written.allow).flows, [2])
})

test.run()
