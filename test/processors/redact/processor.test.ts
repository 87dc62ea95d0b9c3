import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { FlowType, Kind, L7Type } from '../../../src/flow/enums.ts'
import { ForeignBuilder } from '../../../src/flow/foreign.ts'
import { L7Protocol } from '../../../src/flow/l7.ts'
import { summary } from '../../../src/flow/summary.ts'
import { messageType } from '../../../src/hubble/definition.ts'
import { defaultsOf } from '../../../src/pipeline/config/decode.ts'
import { type RedactConfig, redactConfig } from '../../../src/processors/redact/config.ts'
import { RedactProcessor } from '../../../src/processors/redact/processor.ts'
import { redactUrl } from '../../../src/processors/redact/url.ts'
import { createContext, ownMetric } from '../../support/create-context.ts'
import { type FlowRow, flowBatch, TCP_SYN } from '../../support/flows.ts'
import { Sink } from '../../support/sink.ts'

const test = suite('redact processor')
const DEFAULTS = defaultsOf(redactConfig.schema) as unknown as RedactConfig
const HTTP_HEADERS = ['GET', 'HTTP/1.1', 'Accept', 'text/html', 'Cookie', 'id=1']

const headers = (allow: string[], deny: string[]) => ({ http: { ...DEFAULTS.http, headers: { allow, deny } } })

function running(settings: Partial<RedactConfig> = {}) {
  const context = createContext('processor', 'redact')
  const sink = new Sink()
  const processor = new RedactProcessor(context, { ...DEFAULTS, ...settings }, sink)
  const counted = (what: string) => ownMetric(context, `fovea_redact_${what}_flows`, { processor: 'redact' })
  return { processor, sink, counted }
}

function httpRow(url: string, names = HTTP_HEADERS): FlowRow {
  const l7 = { protocol: L7Protocol.HTTP, type: L7Type.REQUEST, query: url, names }
  return { ...TCP_SYN, kind: Kind.PACKETS, type: FlowType.L7, l7 }
}

/** The HTTP row as it comes out. */
function http(settings: Partial<RedactConfig>, url: string) {
  const { processor, sink } = running(settings)
  void processor.consume(flowBatch([httpRow(url)]))
  const { l7 } = sink.batches[0]!
  return { url: l7.httpUrl(0), headers: l7.httpHeaders(0), method: l7.httpMethod(0), protocol: l7.httpProtocol(0) }
}

const lists: { name: string; allow: string[]; deny: string[]; values: string[] }[] = [
  { name: 'without lists all values go', allow: [], deny: [], values: ['HUBBLE_REDACTED', 'HUBBLE_REDACTED'] },
  { name: 'allowed headers stay, of any case', allow: ['ACCEPT'], deny: [], values: ['text/html', 'HUBBLE_REDACTED'] },
  { name: 'denied headers alone go', allow: [], deny: ['cookie'], values: ['text/html', 'HUBBLE_REDACTED'] },
]
for (const { name, allow, deny, values } of lists) {
  test(`headers: ${name}`, () => {
    const row = http(headers(allow, deny), '/')
    assert.equal(
      row.headers.map(([key]) => key),
      ['Accept', 'Cookie'],
    )
    assert.equal(
      row.headers.map(([, value]) => value),
      values,
    )
    assert.equal([row.method, row.protocol, row.url], ['GET', 'HTTP/1.1', '/'])
  })
}

test('headers: both lists are a mistake', () => {
  const problems = redactConfig.check!({ ...DEFAULTS, ...headers(['a'], ['b']) })
  assert.equal(problems, [{ path: ['http', 'headers'], message: 'takes "allow" or "deny", not both' }])
})

test('names: a bad expression is a mistake with its place', () => {
  const problems = redactConfig.check!({ ...DEFAULTS, dns: { names: [' '], expressions: ['ok', '('] } })
  assert.equal(
    problems.map(({ path }) => path.join('::')),
    ['dns::names::0', 'dns::expressions::1'],
  )
  assert.match(problems[1]!.message, 'missing closing )')
})

const urls: { url: string; clean: string; query?: boolean; userInfo?: boolean }[] = [
  { url: 'http://u:p@h:80/x?y=1#z', clean: 'http://u:HUBBLE_REDACTED@h:80/x' },
  { url: 'http://u:p@h/x?y=1', clean: 'http://u:HUBBLE_REDACTED@h/x?y=1', query: false },
  { url: 'http://u:p@h/x?y=1', clean: 'http://u:p@h/x', userInfo: false },
  { url: 'http://u:p@q:r@h/', clean: 'http://u:HUBBLE_REDACTED@h/' },
  { url: 'http://u@h/', clean: 'http://u@h/' },
  { url: '/x?a=@', clean: '/x' },
  { url: '/@scope/x', clean: '/@scope/x' },
  { url: '//u:p@h/', clean: '//u:HUBBLE_REDACTED@h/' },
  { url: 'http://[fd00::1]:80/@x', clean: 'http://[fd00::1]:80/@x' },
  { url: 'http://u:p/p@h/', clean: 'HUBBLE_REDACTED' },
  { url: 'http://u:p?p@h/', clean: 'HUBBLE_REDACTED' },
  { url: 'u:p@h:443', clean: 'HUBBLE_REDACTED' },
  { url: 'http:/u:p@h/', clean: 'HUBBLE_REDACTED' },
  { url: 'h:443', clean: 'h:443' },
  { url: '*', clean: '*' },
]
for (const { url, clean, query = true, userInfo = true } of urls) {
  test(`URL ${url} becomes ${clean}`, () => assert.is(redactUrl(url, { query, userInfo }), clean))
}

test('a URL that was cut off goes as a whole: the end of its password may be missing', () => {
  assert.is(http({}, `http://u:${'p'.repeat(65_535 - 'http://u:'.length)}`).url, 'HUBBLE_REDACTED')
})

test('names: those that match go from queries, aliases and both ends, others stay; interfaces of that name as well', () => {
  const { processor, sink, counted } = running({ dns: { names: ['*.Corp.example'], expressions: ['^secret\\.'] } })
  const l7 = { type: L7Type.RESPONSE, query: 'a.corp.example.', types: [1], names: ['secret.x.', 'open.x.'] }
  void processor.consume(
    flowBatch([
      { ...TCP_SYN, l7, sourceNames: 'open.y,b.corp.example', destinationNames: 'open.z' },
      { ...TCP_SYN, interfaceName: 'secret.0' },
    ]),
  )
  const { l7: table, strings, columns } = sink.batches[0]!
  assert.is(table.query(0), 'HUBBLE_REDACTED')
  assert.equal(table.names(0), ['HUBBLE_REDACTED', 'open.x.'])
  assert.is(strings[columns.sourceNames[0]!], 'open.y,HUBBLE_REDACTED')
  assert.is(strings[columns.destinationNames[0]!], 'open.z')
  assert.is(strings[columns.interfaceName[1]!], 'secret.0')
  assert.is(counted('redacted'), 1)
})

/** A batch of one flow of another observer. */
function foreignBatch(flow: Uint8Array) {
  const batch = flowBatch([httpRow('http://u:p@h/x?y')])
  const builder = new ForeignBuilder(1)
  builder.add(flow)
  batch.foreign = builder.take()
  return batch
}

function foreignFlow(Summary: string): Uint8Array {
  const http = { method: 'GET', url: 'http://u:p@h/x?y', protocol: 'HTTP/1.1', headers: [{ key: 'a', value: 'b' }] }
  return messageType('flow.Flow').serialize({ uuid: 'u', l7: { type: 1, http }, Summary, policy_log: ['stays'] })
}

test('a flow of another observer is rewritten, its summary in its own words', () => {
  const { processor, sink } = running({ http: { ...DEFAULTS.http, url_query: true } })
  void processor.consume(foreignBatch(foreignFlow('HTTP/1.1 GET http://u:p@h/x?y')))
  const batch = sink.batches[0]!
  assert.is(summary(batch, 0), 'HTTP/1.1 GET http://u:HUBBLE_REDACTED@h/x')
  const flow = messageType('flow.Flow').deserialize(Buffer.from(batch.foreign!.raw(0))) as {
    uuid: string
    policy_log: string[]
    l7: { http: { headers: object[] } }
  }
  assert.equal([flow.uuid, flow.policy_log], ['u', ['stays']])
  assert.equal({ ...flow.l7.http.headers[0] }, { key: 'a', value: 'HUBBLE_REDACTED' })
})

test('a summary that says the URL in another form goes as a whole', () => {
  const { processor, sink } = running()
  void processor.consume(foreignBatch(foreignFlow('GET to h with password p')))
  assert.is(summary(sink.batches[0]!, 0), 'HUBBLE_REDACTED')
})

test('a flow without anything to take out keeps its bytes', () => {
  const { processor, sink } = running()
  const flow = messageType('flow.Flow').serialize({ uuid: 'u', Summary: 'TCP Flags: SYN', source_names: ['a.b'] })
  void processor.consume(foreignBatch(flow))
  assert.equal(Buffer.from(sink.batches[0]!.foreign!.raw(0)), flow)
})

test('what nobody knows below l7 is left out: it may be a secret of a later version', () => {
  const { processor, sink } = running()
  const field = (number: number, value: Uint8Array) => Buffer.concat([varints(number * 8 + 2, value.length), value])
  const http = Buffer.concat([field(1000, Buffer.from('s3cr3t')), field(2, Buffer.from('GET'))])
  void processor.consume(foreignBatch(field(15, field(101, http))))
  const raw = Buffer.from(sink.batches[0]!.foreign!.raw(0)).toString('latin1')
  assert.not.match(raw, 's3cr3t')
  assert.match(raw, 'GET')
})

test('a malformed flow goes no further, and is counted', () => {
  const { processor, sink, counted } = running()
  void processor.consume(foreignBatch(Uint8Array.of(0x7a, 0x05, 0x01)))
  assert.is(sink.flows, 0)
  assert.is(counted('dropped'), 1)
})

test('losses go further where every flow of a batch was dropped', () => {
  const { processor, sink } = running()
  const batch = foreignBatch(Uint8Array.of(0x7a, 0x05, 0x01))
  batch.lost.push({ source: 1, count: 2 })
  void processor.consume(batch)
  assert.equal(sink.batches[0]?.lost, [{ source: 1, count: 2 }])
})

function varints(...values: number[]): Uint8Array {
  return Uint8Array.from(values.flatMap((value) => (value < 128 ? [value] : [(value & 127) | 128, value >> 7])))
}

test.run()
