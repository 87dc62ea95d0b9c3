import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { L7Table } from '../../src/flow/l7.ts'
import { L7Builder } from '../../src/flow/l7-builder.ts'

const test = suite('L7Builder')

function add(builder: L7Builder, query: string): boolean {
  const bytes = Buffer.from(query)
  if (!builder.reserve(bytes.length)) return false
  const row = builder.length
  builder.columns.queryBytes[row] = bytes.length
  builder.columns.queryAt[row] = builder.append(bytes, bytes.length)
  builder.length++
  return true
}

const queries = (table: L7Table) => Array.from({ length: table.length }, (_, row) => table.query(row))

test('rows and heap grow with what is written', () => {
  const builder = new L7Builder(10_000, 1 << 20)
  const names = Array.from({ length: 3_000 }, (_, i) => `name-${i}.example.com.`)
  for (const name of names) assert.ok(add(builder, name))
  const parts = builder.take()
  assert.equal(queries(new L7Table(parts)), names)
  assert.is(parts.heap.byteLength, names.join('').length, 'the heap has no slack')
})

test('after take it starts anew', () => {
  const builder = new L7Builder(10, 100)
  add(builder, 'a.')
  const first = new L7Table(builder.take())
  add(builder, 'b.')
  assert.equal([queries(first), queries(new L7Table(builder.take()))], [['a.'], ['b.']])
})

test('limits of rows and of the heap hold, and refusals are counted', () => {
  const rows = new L7Builder(2, 100)
  assert.equal(
    ['a.', 'b.', 'c.'].map((name) => add(rows, name)),
    [true, true, false],
  )
  const heap = new L7Builder(100, 5)
  assert.equal(
    ['abc.', 'ef.', 'e'].map((name) => add(heap, name)),
    [true, false, true],
  )
  assert.equal([rows.refused, heap.refused], [1, 1])
})

test('undo takes the last row and its heap back', () => {
  const builder = new L7Builder(10, 100)
  add(builder, 'a.')
  add(builder, 'b.')
  builder.undo()
  assert.equal([queries(new L7Table(builder.take())), builder.used], [['a.'], 0])
})

test.run()
