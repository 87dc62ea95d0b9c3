import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { PLAIN } from '../../../src/exporters/debug/colors.ts'
import { compactLine } from '../../../src/exporters/debug/compact-line.ts'
import { detailedRecord } from '../../../src/exporters/debug/detailed.ts'
import type { FlowBatch } from '../../../src/flow/batch.ts'
import { EndpointTable } from '../../../src/flow/endpoint.ts'
import { Ends } from '../../../src/flow/ends.ts'
import { FlowType, Kind, L7Type, Reply } from '../../../src/flow/enums.ts'
import { HubbleEncoder } from '../../../src/flow/hubble-encode.ts'
import { L7Protocol } from '../../../src/flow/l7.ts'
import { OtlpFlowEncoder } from '../../../src/flow/otlp-encode.ts'
import { messageType } from '../../../src/hubble/definition.ts'
import { jsonMessage } from '../../../src/hubble/json/schema.ts'
import { JsonTranscoder } from '../../../src/hubble/json/transcode.ts'
import { defaultsOf } from '../../../src/pipeline/config/decode.ts'
import { type RedactConfig, redactConfig } from '../../../src/processors/redact/config.ts'
import { RedactProcessor } from '../../../src/processors/redact/processor.ts'
import { FlowRows } from '../../../src/receivers/hubble/flow-rows.ts'
import { ForeignEndpoints } from '../../../src/receivers/hubble/foreign-endpoints.ts'
import { createContext } from '../../support/create-context.ts'
import { type FlowRow, flowBatch, TCP_SYN } from '../../support/flows.ts'
import { Sink } from '../../support/sink.ts'

const test = suite('secrets of redacted flows')

/** No other text of a flow has this in it. */
const SECRET = 's3cr3t'

const defaults = defaultsOf(redactConfig.schema) as unknown as RedactConfig
const CONFIG: RedactConfig = {
  http: { ...defaults.http, url_query: true, headers: { allow: ['accept'], deny: [] } },
  dns: { names: [`*${SECRET}*`], expressions: [] },
}

/** What leaves of a batch by any way out, as one text. */
function everythingThatLeaves(batch: FlowBatch, table: EndpointTable): string {
  const ends = new Ends(table)
  const hubble = new HubbleEncoder({
    nodeName: 'node-1',
    emitter: { name: 'Fovea', version: '0' },
    ends,
    uuidPrefix: '00000000-0000-8000-',
  })
  const otlp = new OtlpFlowEncoder(ends)
  const json = new JsonTranscoder()
  hubble.refresh()
  const texts: string[] = []
  for (let row = 0; row < batch.length; row++) {
    const encoded = hubble.response(batch, row, 1)
    texts.push(Buffer.from(encoded).toString('latin1'))
    json.append(jsonMessage('observer.ExportEvent'), encoded)
    texts.push(Buffer.from(otlp.records(batch, row, row + 1, 0)).toString('latin1'))
    texts.push(compactLine(batch, row, ends, PLAIN), detailedRecord(batch, row, ends, PLAIN))
  }
  texts.push(Buffer.from(json.out.bytes.subarray(0, json.out.used)).toString('latin1'))
  // What is kept in memory may be written to disk.
  texts.push(batch.strings.join(), Buffer.from(batch.l7.heap).toString('latin1'))
  return texts.join('\n')
}

function redact(batch: FlowBatch, config: RedactConfig = CONFIG): FlowBatch {
  const sink = new Sink()
  void new RedactProcessor(createContext('processor', 'redact'), config, sink).consume(batch)
  return sink.batches[0]!
}

const around = fc.string({
  unit: fc.constantFrom('a', 'Z', '0', '-', '_', '%', ' ', 'é', '"', '<', '=', '&'),
  maxLength: 8,
})
const secretText = fc.tuple(around, around).map(([before, behind]) => `${before}${SECRET}${behind}`)
const label = fc.stringMatching(/^[a-zA-Z0-9_-]{1,10}$/)
const secretName = fc.tuple(fc.array(label, { maxLength: 3 }), label, fc.boolean()).map(([labels, last, upper]) => {
  const name = [...labels, `${last}${SECRET}`, 'example', 'com'].join('.')
  return `${upper ? name.toUpperCase() : name}.`
})
const name = fc.oneof(
  secretName,
  label.map((text) => `${text}.example.org.`),
)

const url = fc
  .record({
    scheme: fc.constantFrom('http://', 'https://', '//'),
    password: fc.option(secretText),
    host: fc.constantFrom('shop.example.org', '10.0.0.1:8080', '[fd00::1]:80'),
    path: fc.constantFrom('', '/', '/a/b', '/@scope/x'),
    query: fc.option(secretText),
    fragment: fc.option(secretText),
  })
  .map(({ scheme, password, host, path, query, fragment }) =>
    [
      scheme,
      password === null ? '' : `user:${password}@`,
      host,
      path,
      query === null ? '' : `?q=${query}`,
      fragment === null ? '' : `#${fragment}`,
    ].join(''),
  )

const header = fc.oneof(
  fc.tuple(fc.constantFrom('Authorization', 'cookie', 'X-Token'), secretText),
  fc.tuple(fc.constantFrom('Accept', 'accept'), fc.constant('text/html')),
)

const http = fc.record({
  response: fc.boolean(),
  url,
  headers: fc.array(header, { maxLength: 5 }),
})
const dns = fc.record({
  response: fc.boolean(),
  query: name,
  cnames: fc.array(name, { maxLength: 3 }),
})
const names = fc.array(
  name.map((text) => text.slice(0, -1)),
  { maxLength: 3 },
)

type Http = typeof http extends fc.Arbitrary<infer T> ? T : never
type Dns = typeof dns extends fc.Arbitrary<infer T> ? T : never

const REQUEST = { ...TCP_SYN, kind: Kind.DNS, type: FlowType.L7, eventType: 129 }

function httpRow({ response, url: target, headers }: Http): FlowRow {
  const type = response ? L7Type.RESPONSE : L7Type.REQUEST
  return {
    ...REQUEST,
    isReply: response ? Reply.YES : Reply.NO,
    l7: {
      protocol: L7Protocol.HTTP,
      type,
      query: target,
      names: ['GET', 'HTTP/1.1', ...headers.flat()],
      rcode: response ? 200 : 0,
    },
  }
}

function dnsRow({ response, query, cnames }: Dns): FlowRow {
  const type = response ? L7Type.RESPONSE : L7Type.REQUEST
  return { ...REQUEST, l7: { type, query, types: [1], names: response ? cnames : [] } }
}

test('do not leave our own flows by any encoder', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.oneof(http.map(httpRow), dns.map(dnsRow)), names, names)), (rows) => {
      const batch = flowBatch(
        rows.map(([row, sourceNames, destinationNames]) => ({
          ...row,
          sourceNames: sourceNames.join(','),
          destinationNames: destinationNames.join(','),
        })),
      )
      if (batch.length === 0) return
      const clean = redact(batch)
      assert.is(clean.length, batch.length)
      assert.not.match(everythingThatLeaves(clean, new EndpointTable()).toLowerCase(), SECRET)
    }),
    { numRuns: 300 },
  )
})

/** A flow as Cilium's agent encodes it, its summary in Hubble's words. */
function foreignFlow(l7: Http | Dns, sourceNames: string[], destinationNames: string[]): Uint8Array {
  const record =
    'url' in l7
      ? {
          http: {
            code: l7.response ? 200 : 0,
            method: 'GET',
            url: l7.url,
            protocol: 'HTTP/1.1',
            headers: l7.headers.map(([key, value]) => ({ key, value })),
          },
        }
      : { dns: { query: l7.query, cnames: l7.cnames, observation_source: 'proxy', qtypes: ['A'] } }
  const summary =
    'url' in l7
      ? `HTTP/1.1 GET ${l7.url}`
      : `DNS Answer "1.2.3.4" CNAMEs: ${JSON.stringify(l7.cnames.join(','))} TTL: 3 (Proxy ${l7.query} A)`
  return messageType('flow.Flow').serialize({
    time: { seconds: 1_700_000_000, nanos: 1 },
    uuid: '5f2b6c0e-0000-4000-8000-000000000001',
    Type: 2,
    node_name: 'node-7',
    l7: { type: l7.response ? 2 : 1, ...record },
    source_names: sourceNames,
    destination_names: destinationNames,
    Summary: summary,
  })
}

function foreignBatch(flows: readonly Uint8Array[]): { batch: FlowBatch; table: EndpointTable } {
  const table = new EndpointTable()
  const rows = new FlowRows(table, new ForeignEndpoints(table, 1_024))
  for (const flow of flows) assert.ok(rows.add(flow, 0, flow.length))
  return { batch: rows.take([]), table }
}

test('do not leave flows of other observers by any encoder, whose other fields stay', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.oneof(http, dns), names, names), { minLength: 1 }), (flows) => {
      const { batch, table } = foreignBatch(flows.map((flow) => foreignFlow(...flow)))
      const clean = redact(batch)
      assert.is(clean.length, flows.length)
      assert.not.match(everythingThatLeaves(clean, table).toLowerCase(), SECRET)
      assert.is(clean.foreign?.uuid(0), '5f2b6c0e-0000-4000-8000-000000000001')
      assert.is(clean.foreign?.nodeName(0), 'node-7')
    }),
    { numRuns: 300 },
  )
})

test('are found by this test where nothing is redacted', () => {
  const { batch, table } = foreignBatch([
    foreignFlow({ response: false, url: `http://a/?${SECRET}`, headers: [] }, [], []),
  ])
  assert.match(everythingThatLeaves(batch, table), SECRET)
})

test.run()
