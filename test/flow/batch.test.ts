import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { FlowBatch } from '../../src/flow/batch.ts'
import { L7Type } from '../../src/flow/enums.ts'
import { flowBatch, TCP_SYN } from '../support/flows.ts'

const test = suite('FlowBatch')

test('a string has one index, and the empty one is 0', () => {
  const batch = FlowBatch.allocate(1)
  assert.equal(
    ['a', 'b', 'a', ''].map((text) => batch.intern(text)),
    [1, 2, 1, 0],
  )
  assert.equal(batch.strings, ['', 'a', 'b'])
})

test('a full table of strings gives 0', () => {
  const batch = FlowBatch.allocate(1)
  for (let i = 1; i <= 0xffff; i++) batch.intern(`name ${i}`)
  assert.equal([batch.intern('one more'), batch.intern('name 65535'), batch.strings.length], [0, 0xffff, 0x10000])
})

test('a copy is its own writer', () => {
  const batch = flowBatch([{ ...TCP_SYN, l7: { type: L7Type.REQUEST, query: 'a.test.' } }], [{ source: 1, count: 2 }])
  const copy = batch.copy()
  copy.columns.packets[0] = 99
  copy.l7.columns.rcode[0] = 3
  copy.intern('new')
  assert.equal([batch.columns.packets[0], batch.l7.columns.rcode[0], batch.strings.length], [1, 0, 1])
  assert.equal([copy.l7.query(0), copy.lost], ['a.test.', [{ source: 1, count: 2 }]])
})

test('selected rows stand together in order, addresses and texts with them', () => {
  const rows = Array.from({ length: 20 }, (_, i) => ({ ...TCP_SYN, packets: i, sourceNames: `n${i}` }))
  const batch = flowBatch(rows, [{ source: 1, count: 5 }])
  const some = batch.select(Uint8Array.from({ length: 20 }, (_, i) => (i % 3 === 1 ? 1 : 0)))
  assert.equal([...some.columns.packets.subarray(0, some.length)], [1, 4, 7, 10, 13, 16, 19])
  assert.equal(some.strings[some.columns.sourceNames[6]!], 'n19')
  assert.equal(
    [...some.columns.destinationAddress.subarray(24, 28)],
    [...batch.columns.destinationAddress.subarray(0, 4)],
  )
  assert.equal(some.lost, batch.lost)
})

test('selected rows keep their own L7 rows alone, whatever becomes of the others', () => {
  const l7 = (i: number) => ({
    type: L7Type.RESPONSE,
    query: `name-${i}.test.`,
    types: [1, 28],
    answerTypes: [5, 1],
    names: [`alias-${i}.test.`],
    addresses: [`10.0.0.${i}`],
    ttlSeconds: i,
    latencyNs: 1e6 * i,
    rcode: i % 4,
  })
  const rows = Array.from({ length: 200 }, (_, i) => (i % 2 === 0 ? { ...TCP_SYN, l7: l7(i) } : TCP_SYN))
  const batch = flowBatch(rows)
  const whole = batch.l7.bytes
  const said = (of: FlowBatch) =>
    Array.from({ length: of.length }, (_, row) => {
      const at = of.columns.l7[row]! - 1
      if (at < 0) return undefined
      const { columns, heap } = of.l7
      const address = heap.subarray(of.l7.addressesAt(at), of.l7.addressesAt(at) + 16 * columns.addressCount[at]!)
      const texts = [of.l7.query(at), of.l7.types(at), of.l7.answerTypes(at), of.l7.names(at), [...address]]
      return [...texts, columns.ttlSeconds[at], columns.latencyNs[at], columns.rcode[at], columns.protocol[at]]
    })
  const keep = Uint8Array.from({ length: 200 }, (_, i) => (i >= 95 && i < 105 ? 1 : 0))
  const expected = said(batch).slice(95, 105)
  const some = batch.select(keep)
  const none = batch.select(Uint8Array.from({ length: 200 }, (_, i) => i % 2))
  const allOfThem = batch.select(Uint8Array.from({ length: 200 }, (_, i) => 1 - (i % 2)))
  const allExpected = said(batch).filter((part) => part !== undefined)
  batch.release()
  assert.is(batch.buffer.byteLength, 0, 'nothing keeps the batch that was selected from')
  assert.equal(said(some), expected)
  assert.is(some.l7.length, 5)
  assert.ok(some.l7.bytes < whole / 8, `${some.l7.bytes} of ${whole} bytes`)
  assert.equal([none.l7.length, none.l7.bytes], [0, 0])
  assert.equal(said(allOfThem), allExpected)
  some.release()
  none.release()
  assert.equal(said(allOfThem), allExpected)
})

test('selecting all rows is the batch itself, selecting none an empty one', () => {
  const batch = flowBatch([TCP_SYN, TCP_SYN])
  assert.is(batch.select(new Uint8Array(2).fill(1)), batch)
  assert.is(batch.select(new Uint8Array(2)).length, 0)
})

test('new rows stand for one connection each', () => {
  assert.equal([...FlowBatch.allocate(3).columns.weight.subarray(0, 3)], [1, 1, 1])
})

test('a text that is too long to be a name is not interned', () => {
  const batch = FlowBatch.allocate(1)
  assert.equal(
    [8_193, 8_192].map((length) => batch.intern('x'.repeat(length))),
    [0, 1],
  )
})

test.run()
