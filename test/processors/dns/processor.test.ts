import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { FlowBatch } from '../../../src/flow/batch.ts'
import { Kind, L7Type, Protocol } from '../../../src/flow/enums.ts'
import { ForeignBuilder } from '../../../src/flow/foreign.ts'
import type { DnsConfig } from '../../../src/processors/dns/config.ts'
import { DnsProcessor } from '../../../src/processors/dns/processor.ts'
import { createContext, ownMetric } from '../../support/create-context.ts'
import { type FlowRow, flowBatch, TCP_SYN } from '../../support/flows.ts'
import { Sink } from '../../support/sink.ts'

const test = suite('dns processor')

const CONFIG: DnsConfig = {
  query_timeout: 10_000,
  max_queries: 64,
  names: true,
  cname_names: true,
  min_ttl: 300_000,
  max_addresses: 64,
}
const START_MS = 1_700_000_000_000

function processor(settings: Partial<DnsConfig> = {}) {
  const context = createContext('processor', 'dns')
  const sink = new Sink()
  const dns = new DnsProcessor(context, { ...CONFIG, ...settings }, sink)
  const metric = (name: string) => ownMetric(context, `fovea_dns_${name}`, { processor: 'dns' })
  return { consume: (batch: FlowBatch) => dns.consume(batch), sink, metric }
}

interface Seen {
  ms?: number
  id?: number
  interfaceIndex?: number
  client?: string
  port?: number
}

const udp = { kind: Kind.DNS, protocol: Protocol.UDP }
const query = (
  name: string,
  { ms = 0, interfaceIndex = 1, client = '10.0.0.1', port = 5_000 }: Seen = {},
): FlowRow => ({
  ...udp,
  source: client,
  destination: '10.0.0.53',
  sourcePort: port,
  destinationPort: 53,
  interfaceIndex,
  timeMs: START_MS + ms,
  l7: { type: L7Type.REQUEST, query: name, types: [1] },
})
const answer = (name: string, addresses: string[], seen: Seen = {}, l7 = {}): FlowRow => ({
  ...udp,
  source: '10.0.0.53',
  destination: seen.client ?? '10.0.0.1',
  sourcePort: 53,
  destinationPort: seen.port ?? 5_000,
  interfaceIndex: seen.interfaceIndex ?? 1,
  timeMs: START_MS + (seen.ms ?? 0),
  l7: { type: L7Type.RESPONSE, query: name, types: [1], addresses, ttlSeconds: 30, ...l7 },
})
const flow = (destination: string, ms = 0): FlowRow => ({ ...TCP_SYN, destination, timeMs: START_MS + ms })

const latencies = (batch: FlowBatch) =>
  Array.from({ length: batch.length }, (_, i) => batch.l7.columns.latencyNs[batch.columns.l7[i]! - 1])
const names = (batch: FlowBatch) =>
  Array.from({ length: batch.length }, (_, i) => batch.strings[batch.columns.destinationNames[i]!])

test('an answer has the time since its query, in another batch or the same', () => {
  const { consume } = processor()
  consume(flowBatch([query('a.test.')]))
  const later = flowBatch([
    answer('a.test.', [], { ms: 7 }),
    query('b.test.', { ms: 8, port: 6_000 }),
    answer('b.test.', [], { ms: 10, port: 6_000 }),
  ])
  consume(later)
  assert.equal(latencies(later), [7e6, 0, 2e6])
})

test('a packet seen on two interfaces counts from where its query was seen first', () => {
  const { consume, metric } = processor()
  const seen = flowBatch([
    query('a.test.', { ms: 0, interfaceIndex: 1 }),
    query('a.test.', { ms: 1, interfaceIndex: 2 }),
    answer('a.test.', [], { ms: 9, interfaceIndex: 2 }),
    answer('a.test.', [], { ms: 11, interfaceIndex: 1 }),
  ])
  consume(seen)
  assert.equal(latencies(seen), [0, 0, 9e6, 11e6])
  assert.is(metric('answers_unmatched'), 0)
})

test('a query that is repeated counts from its first packet', () => {
  const { consume } = processor()
  const batch = flowBatch([query('a.test.'), query('a.test.', { ms: 5_000 }), answer('a.test.', [], { ms: 5_010 })])
  consume(batch)
  assert.is(latencies(batch)[2], 5_010e6)
})

test('answers without a query, late answers and queries without an answer are counted', () => {
  const { consume, metric } = processor()
  const batch = flowBatch([
    answer('a.test.', []),
    query('b.test.', { port: 7_000 }),
    answer('b.test.', [], { port: 7_000, ms: 20_000 }),
  ])
  consume(batch)
  assert.equal(latencies(batch), [0, 0, 0])
  assert.equal([metric('answers_unmatched'), metric('queries_unanswered')], [2, 1])
})

test('the table of queries is bounded; what it forgets is counted', () => {
  const { consume, metric } = processor({ max_queries: 8 })
  consume(flowBatch(Array.from({ length: 20 }, (_, i) => query('a.test.', { port: 1_000 + i }))))
  assert.is(metric('queries_evicted'), 12)
})

test('flows behind an answer have its names, in the same batch and later ones', () => {
  const { consume } = processor()
  const same = flowBatch([
    flow('192.0.2.7'),
    answer('www.test.', ['192.0.2.7'], {}, { names: ['edge.test.'] }),
    flow('192.0.2.7'),
  ])
  consume(same)
  assert.equal(names(same), ['', '', 'www.test,edge.test'])
  const later = flowBatch([flow('192.0.2.7', 1_000), flow('192.0.2.8', 1_000)])
  consume(later)
  assert.equal(names(later), ['www.test,edge.test', ''])
})

test('the source is named, too, and IPv6 addresses are addresses', () => {
  const { consume } = processor({ cname_names: false })
  const batch = flowBatch([
    answer('v6.test.', ['2001:db8::7'], {}, { names: ['edge.test.'] }),
    { ...flow('10.0.0.1'), source: '2001:db8::7' },
  ])
  consume(batch)
  assert.is(batch.strings[batch.columns.sourceNames[1]!], 'v6.test')
})

test('several names of an address are kept, the last first, up to four', () => {
  const { consume } = processor()
  const answers = ['a', 'b', 'c', 'd', 'e', 'b'].map((name) => answer(`${name}.test.`, ['192.0.2.7']))
  const batch = flowBatch([...answers.slice(0, 2), flow('192.0.2.7'), ...answers.slice(2), flow('192.0.2.7')])
  consume(batch)
  assert.equal([names(batch)[2], names(batch)[7]], ['b.test,a.test', 'b.test,e.test,d.test,c.test'])
})

test('a name is kept for its TTL, but at least min_ttl, by the time of the flow', () => {
  const { consume } = processor({ min_ttl: 60_000 })
  consume(flowBatch([answer('a.test.', ['192.0.2.1']), answer('b.test.', ['192.0.2.2'], {}, { ttlSeconds: 120 })]))
  const ends = flowBatch([59_000, 61_000].flatMap((ms) => [flow('192.0.2.1', ms), flow('192.0.2.2', ms)]))
  consume(ends)
  assert.equal(names(ends), ['a.test', 'b.test', '', 'b.test'])
})

test('errors teach no names, and names can be off', () => {
  const failed = flowBatch([answer('a.test.', ['192.0.2.1'], {}, { rcode: 2 }), flow('192.0.2.1')])
  processor().consume(failed)
  const off = flowBatch([answer('a.test.', ['192.0.2.1']), flow('192.0.2.1')])
  processor({ names: false }).consume(off)
  assert.equal([names(failed)[1], names(off)[1]], ['', ''])
})

test('addresses beyond the limit replace the least recently used ones, and are counted', () => {
  const { consume, metric } = processor({ max_addresses: 8 })
  const learn = (i: number) => answer('a.test.', [`192.0.2.${i}`])
  consume(flowBatch(Array.from({ length: 8 }, (_, i) => learn(i))))
  consume(flowBatch([flow('192.0.2.0')]))
  consume(flowBatch([learn(100)]))
  const after = flowBatch([flow('192.0.2.0'), flow('192.0.2.100')])
  consume(after)
  assert.equal([names(after), metric('names_evicted'), metric('addresses')], [['a.test', 'a.test'], 1, 8])
})

test("another observer's answer keeps its latency, is no unmatched one, and its names are learned", () => {
  const { consume, sink, metric } = processor()
  const batch = flowBatch([answer('a.example.', ['1.2.3.4'], {}, { latencyNs: 7 }), flow('1.2.3.4')])
  const foreign = new ForeignBuilder(2)
  for (let i = 0; i < 2; i++) foreign.add(new Uint8Array(0))
  batch.foreign = foreign.take()
  consume(batch)
  assert.is(latencies(sink.batches[0]!)[0], 7)
  assert.is(metric('answers_unmatched'), 0)
  assert.is(names(sink.batches[0]!)[1], 'a.example')
})

test.run()
