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
import { FIELD_ROWS, filterOf } from '../../support/filter-table.ts'
import { DROP, FLOWS, HTTP_REQUEST, HTTP_RESPONSE, UUID } from '../../support/filtered-flows.ts'
import { foreignBatch } from '../../support/foreign-batch.ts'

/** Each field of `flow.FlowFilter` once: what it matches, what not, and what it says of a bad value. */
const test = suite('fields of flow filters')

const ends = new Ends(new EndpointTable(), new LocalAddresses(() => []))
const batch = foreignBatch(ends.table, FLOWS)
const context = { ends, nodeName: 'node-0', uuidPrefix: uuidPrefix(UUID) }

function matches(filter: FlowFilter, flows = batch): number[] {
  const out = new Uint8Array(flows.length)
  compileFilters([filter], [], context)(flows, 0, flows.length, out, 1)
  return [...out.keys()].filter((row) => out[row] === 1)
}

test('every field of the API has its row, and is compiled', () => {
  const names = messageFields('flow.FlowFilter').map(({ name }) => name)
  assert.equal(Object.keys(FIELD_ROWS).sort(), [...names].sort())
  assert.equal(Object.keys(FIELDS).sort(), [...names].sort())
})

for (const [name, { match, none, bad = [], tooLarge = [] }] of Object.entries(FIELD_ROWS)) {
  for (const [value, rows] of match)
    test(`${name} ${text(value)} matches`, () => assert.equal(matches(filterOf(name, value)), rows))
  // Of two truth values each has its rows.
  if (none !== undefined)
    test(`${name} ${text(none)} matches nothing`, () => assert.equal(matches(filterOf(name, none)), []))
  for (const [value, message] of [...bad, ...tooLarge])
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

test('identity 0 is that of an end of which something is said', () => {
  const flows = foreignBatch(ends.table, [{}, { source: {} }, { source: { identity: 7 }, destination: { ID: 1 } }])
  assert.equal(matches({ source_identity: [0] }, flows), [1])
  assert.equal(matches({ source_identity: [7, 0] }, flows), [1, 2])
  assert.equal(matches({ destination_identity: [0] }, flows), [2])
})

test('the values of a field are alternatives, the fields of a filter are not', () => {
  assert.equal(matches({ source_port: ['80', '9'], verdict: [1, 2] }), [HTTP_RESPONSE, DROP])
  assert.equal(matches({ http_url: ['^/v1', 'page'], http_method: ['GET'], reply: [false] }), [HTTP_REQUEST])
})

test.run()
