import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { addressTextAt } from '../../src/flow/address.ts'
import { L7Type } from '../../src/flow/enums.ts'
import { emptyL7, L7Table } from '../../src/flow/l7.ts'
import { l7Parts } from '../support/l7.ts'

const test = suite('L7Table')

const table = new L7Table(
  l7Parts([
    { type: L7Type.REQUEST, query: 'a.test.,b.test.', types: [1, 257] },
    {
      type: L7Type.RESPONSE,
      query: 'a.test.',
      types: [28],
      answerTypes: [5, 28],
      addresses: ['2001:db8::1', '192.0.2.1'],
      names: ['b.test.', 'c.test.'],
    },
  ]),
)

test('lists and texts are read from the heap', () => {
  assert.equal(
    [table.query(0), table.types(0), table.answerTypes(0), table.names(0)],
    ['a.test.,b.test.', [1, 257], [], []],
  )
  assert.equal([table.types(1), table.answerTypes(1), table.names(1)], [[28], [5, 28], ['b.test.', 'c.test.']])
  const at = table.addressesAt(1)
  assert.equal([addressTextAt(table.heap, at), addressTextAt(table.heap, at + 16)], ['2001:db8::1', '192.0.2.1'])
})

test('copied parts are nobody else’s', () => {
  const copy = new L7Table(table.copyParts())
  copy.heap[0] = 0x7a
  assert.equal([copy.query(0).slice(0, 1), table.query(0).slice(0, 1)], ['z', 'a'])
})

test('a batch without L7 rows has an empty table', () => {
  const empty = new L7Table(emptyL7())
  assert.equal([empty.length, empty.bytes], [0, 0])
})

test.run()
