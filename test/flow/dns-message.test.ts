import { type Answer, decode, encode, type Packet, type Question, streamEncode } from 'dns-packet'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { addressTextAt } from '../../src/flow/address.ts'
import { DnsParser } from '../../src/flow/dns-message.ts'
import { L7Type } from '../../src/flow/enums.ts'
import { L7Table } from '../../src/flow/l7.ts'
import { L7Builder } from '../../src/flow/l7-builder.ts'

const test = suite('DnsParser')
const parser = new DnsParser()

interface Message {
  type: number
  id: number
  rcode: number
  ttl: number
  truncated: number
  query: string
  types: number[]
  answerTypes: number[]
  addresses: string[]
  names: string[]
}

function parse(bytes: Uint8Array, cut = false): Message | undefined {
  const out = new L7Builder(100, 1 << 20)
  return parser.parse(bytes, 0, bytes.length, cut, out) ? messages(out)[0] : undefined
}

function messages(out: L7Builder): Message[] {
  const table = new L7Table(out.take())
  const { columns } = table
  return Array.from({ length: table.length }, (_, row) => ({
    type: columns.type[row]!,
    id: columns.dnsId[row]!,
    rcode: columns.rcode[row]!,
    ttl: columns.ttlSeconds[row]!,
    truncated: columns.truncated[row]!,
    query: table.query(row),
    types: table.types(row),
    answerTypes: table.answerTypes(row),
    addresses: Array.from({ length: columns.addressCount[row]! }, (_, i) =>
      addressTextAt(table.heap, table.addressesAt(row) + 16 * i),
    ),
    names: table.names(row),
  }))
}

const NUMBERS: Readonly<Record<string, number>> = { A: 1, NS: 2, CNAME: 5, MX: 15, TXT: 16, AAAA: 28 }
const question = (name: string, type: Question['type'] = 'A'): Question => ({ type, name })

test('a query is its question', () => {
  const message = parse(encode({ type: 'query', id: 4_660, questions: [question('www.example.com', 'AAAA')] }))
  assert.equal([message?.type, message?.id, message?.query], [L7Type.REQUEST, 4_660, 'www.example.com.'])
  assert.equal([message?.types, message?.truncated], [[28], 0])
})

test('several questions are joined, and each keeps its type', () => {
  const message = parse(encode({ type: 'query', questions: [question('a.test'), question('b.test', 'MX')] }))
  assert.equal([message?.query, message?.types], ['a.test.,b.test.', [1, 15]])
})

test('an answer has addresses, CNAME targets, all types and the lowest TTL', () => {
  const answers: Answer[] = [
    { type: 'CNAME', name: 'www.example.com', ttl: 300, data: 'edge.example.net' },
    { type: 'A', name: 'edge.example.net', ttl: 60, data: '192.0.2.7' },
    { type: 'AAAA', name: 'edge.example.net', ttl: 90, data: '2001:db8::7' },
    { type: 'TXT', name: 'edge.example.net', ttl: 120, data: 'hello' },
  ]
  const message = parse(encode({ type: 'response', questions: [question('www.example.com')], answers }))
  assert.equal(message?.addresses, ['192.0.2.7', '2001:db8::7'])
  assert.equal([message?.names, message?.answerTypes, message?.ttl], [['edge.example.net.'], [5, 1, 28, 16], 60])
})

test('the rcode has the upper bits of EDNS', () => {
  const bytes = encode({ type: 'response', flags: 0, questions: [question('a.test')], additionals: [] })
  const opt = Buffer.from([0, 0, 41, 4, 208, 1, 0, 0, 0, 0, 0])
  const message = Buffer.concat([bytes, opt])
  message.writeUInt16BE(1, 10)
  assert.is(parse(message)?.rcode, 16, 'BADVERS')
  message[3] = 3
  assert.is(parse(message)?.rcode, 19)
})

test('compression pointers are followed back only', () => {
  const header = Buffer.from([0, 1, 0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0])
  const pointingTo = (offset: number) => Buffer.concat([header, Buffer.from([1, 0x61, 0xc0, offset, 0, 1, 0, 1])])
  for (const offset of [12, 13, 14, 40, 0, 2]) assert.is(parse(pointingTo(offset)), undefined, `to ${offset}`)
})

test('names are escaped as Hubble prints them, so that no name can pass for two', () => {
  const label = Buffer.from([5, 0x61, 0x2e, 0x2c, 0x00, 0xe4])
  const message = Buffer.concat([
    Buffer.from([0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
    label,
    Buffer.from([0, 0, 1, 0, 1]),
  ])
  assert.is(parse(message)?.query, 'a\\.\\044\\000\\228.')
})

test('the root has a name', () => {
  assert.is(parse(encode({ type: 'query', questions: [question('.', 'NS')] }))?.query, '.')
})

test('a multicast answer without question is about the owner of its first record', () => {
  const answers: Answer[] = [{ type: 'A', name: 'printer.local', ttl: 120, data: '192.0.2.9', flush: true }]
  const message = parse(encode({ type: 'response', questions: [], answers }))
  assert.equal([message?.query, message?.types, message?.addresses], ['printer.local.', [], ['192.0.2.9']])
})

test('a cut message keeps what is whole of it; the same bytes called whole are no message', () => {
  const answers: Answer[] = ['192.0.2.1', '192.0.2.2'].map((data) => ({ type: 'A', name: 'a.test', ttl: 5, data }))
  const bytes = encode({ type: 'response', questions: [question('a.test')], answers }).subarray(0, -7)
  assert.equal([parse(bytes, true)?.addresses, parse(bytes, true)?.truncated], [['192.0.2.1'], 1])
  assert.is(parse(bytes, false), undefined)
})

test('the TC bit marks the row', () => {
  const message = parse(encode({ type: 'response', flags: 0x200, questions: [question('a.test')] }))
  assert.is(message?.truncated, 1)
})

test('more records than a row can count are cut and marked', () => {
  const answers: Answer[] = Array.from({ length: 300 }, (_, i) => ({
    type: 'A',
    name: 'a.test',
    ttl: 5,
    data: `10.0.${i >> 8}.${i & 255}`,
  }))
  const message = parse(encode({ type: 'response', questions: [question('a.test')], answers }))
  assert.equal([message?.addresses.length, message?.answerTypes.length, message?.truncated], [255, 255, 1])
})

test('a table that is full takes no row and counts it', () => {
  const out = new L7Builder(1, 1 << 10)
  const bytes = encode({ type: 'query', questions: [question('a.test')] })
  assert.is(parser.parse(bytes, 0, bytes.length, false, out), true)
  assert.is(parser.parse(bytes, 0, bytes.length, false, out), false)
  assert.equal([out.length, out.refused], [1, 1])
})

const packet = (name: string): Packet => ({ type: 'query', questions: [question(name)] })
const segments = [
  { name: 'one message', bytes: streamEncode(packet('a.test')), names: ['a.test.'] },
  {
    name: 'two messages',
    bytes: Buffer.concat([streamEncode(packet('a.test')), streamEncode(packet('b.test'))]),
    names: ['a.test.', 'b.test.'],
  },
  { name: 'a message without the length, which came before it', bytes: encode(packet('a.test')), names: ['a.test.'] },
  { name: 'the length alone', bytes: Buffer.from([0, 24]), names: [] },
  {
    name: 'a message and the length of the next',
    bytes: Buffer.concat([streamEncode(packet('a.test')), Buffer.from([0, 30])]),
    names: ['a.test.'],
  },
  { name: 'the middle of a message', bytes: Buffer.alloc(300, 0x41), names: [] },
]
for (const { name, bytes, names } of segments)
  test(`a TCP segment with ${name}`, () => {
    const out = new L7Builder(10, 1 << 12)
    assert.is(parser.parseSegment(bytes, 0, bytes.length, out), names.length)
    assert.equal(
      messages(out).map((message) => message.query),
      names,
    )
  })

test('the beginning of a message that goes on in the next segment is a cut row', () => {
  const answers: Answer[] = Array.from({ length: 20 }, (_, i) => ({
    type: 'A',
    name: 'a.test',
    ttl: 5,
    data: `10.0.0.${i}`,
  }))
  const bytes = streamEncode({ type: 'response', questions: [question('a.test')], answers }).subarray(0, 150)
  const out = new L7Builder(10, 1 << 12)
  assert.is(parser.parseSegment(bytes, 0, bytes.length, out), 1)
  assert.is(messages(out)[0]?.truncated, 1)
})

const label = fc.stringMatching(/^[a-z0-9-]{1,20}$/)
const name = fc.array(label, { minLength: 1, maxLength: 5 }).map((labels) => labels.join('.'))
const ttl = fc.nat(0x7fffffff)
const answer: fc.Arbitrary<Answer> = fc.oneof(
  fc.record({ type: fc.constant('A' as const), name, ttl, data: fc.ipV4() }),
  fc.record({ type: fc.constant('CNAME' as const), name, ttl, data: name }),
  fc.record({ type: fc.constant('NS' as const), name, ttl, data: name }),
  fc.record({ type: fc.constant('TXT' as const), name, ttl, data: fc.constant('text') }),
)

test('it agrees with dns-packet on every message that it wrote', () => {
  const message = fc.record({
    id: fc.nat(0xffff),
    rcode: fc.nat(15),
    questions: fc.array(fc.record({ type: fc.constantFrom('A' as const, 'AAAA' as const, 'MX' as const), name }), {
      minLength: 1,
      maxLength: 3,
    }),
    answers: fc.array(answer, { maxLength: 8 }),
  })
  fc.assert(
    fc.property(message, ({ id, rcode, questions, answers }) => {
      const bytes = encode({ type: 'response', id, flags: rcode, questions, answers })
      const expected = decode(bytes)
      const found = parse(bytes)
      assert.equal([found?.id, found?.rcode, found?.truncated], [id, rcode, 0])
      assert.is(found?.query, expected.questions?.map((q) => `${q.name}.`).join(','))
      assert.equal(
        found?.types,
        expected.questions?.map((q) => NUMBERS[q.type]),
      )
      assert.equal(
        found?.answerTypes,
        expected.answers?.map((a) => NUMBERS[a.type]),
      )
      assert.equal(
        found?.addresses,
        expected.answers?.flatMap((a) => (a.type === 'A' ? [a.data] : [])),
      )
      assert.equal(
        found?.names,
        expected.answers?.flatMap((a) => (a.type === 'CNAME' ? [`${a.data}.`] : [])),
      )
    }),
  )
})

test('changed and cut messages neither throw nor reach beyond their end', () => {
  const whole = encode({
    type: 'response',
    questions: [question('www.example.com')],
    answers: [
      { type: 'CNAME', name: 'www.example.com', ttl: 1, data: 'edge.example.com' },
      { type: 'A', name: 'edge.example.com', ttl: 1, data: '192.0.2.1' },
    ],
  })
  const change = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 6 })
  fc.assert(
    fc.property(change, fc.nat(whole.length), fc.boolean(), (changes, length, cut) => {
      const bytes = Buffer.concat([whole.subarray(0, length), Buffer.alloc(64, 0xff)])
      for (const [at, value] of changes) if (at < length) bytes[at] = value
      const out = new L7Builder(10, 1 << 16)
      const parsed = parser.parse(bytes, 0, length, cut, out)
      for (const { addresses } of messages(out)) assert.not.ok(addresses.includes('255.255.255.255') && !parsed)
    }),
    { numRuns: 2_000 },
  )
})

test.run()
