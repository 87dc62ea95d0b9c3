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

test('selecting all rows is the batch itself, selecting none an empty one', () => {
  const batch = flowBatch([TCP_SYN, TCP_SYN])
  assert.is(batch.select(new Uint8Array(2).fill(1)), batch)
  assert.is(batch.select(new Uint8Array(2)).length, 0)
})

test('new rows stand for one connection each', () => {
  assert.equal([...FlowBatch.allocate(3).columns.weight.subarray(0, 3)], [1, 1, 1])
})

test.run()
