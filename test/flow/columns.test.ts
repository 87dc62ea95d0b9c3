import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  bufferBytes,
  COLUMNS,
  type ColumnName,
  copyRow,
  copyRows,
  ROW_BYTES,
  viewColumns,
} from '../../src/flow/columns.ts'

const test = suite('columns')
const NAMES = Object.keys(COLUMNS) as ColumnName[]

test('every column is aligned and none overlaps another, whatever the capacity', () => {
  for (const capacity of [0, 1, 7, 8, 9, 1_000, 16_384]) {
    const columns = viewColumns(new ArrayBuffer(bufferBytes(capacity)), capacity)
    const ranges = NAMES.map((name) => columns[name]).sort((a, b) => a.byteOffset - b.byteOffset)
    ranges.forEach((column, i) => {
      assert.is(column.byteOffset % column.BYTES_PER_ELEMENT, 0)
      const next = ranges[i + 1]
      if (next && column.byteLength > 0) assert.ok(column.byteOffset + column.byteLength <= next.byteOffset)
    })
  }
})

test('the buffer holds its rows and no more than 7 besides', () => {
  for (const capacity of [1, 8, 13]) {
    const bytes = bufferBytes(capacity)
    assert.ok(bytes >= capacity * ROW_BYTES && bytes < (capacity + 8) * ROW_BYTES)
  }
})

test('a buffer that is too small is refused', () => {
  assert.throws(() => viewColumns(new ArrayBuffer(bufferBytes(8) - 1), 8), RangeError)
})

function filled(capacity: number) {
  const columns = viewColumns(new ArrayBuffer(bufferBytes(capacity)), capacity)
  for (const name of NAMES) for (let i = 0; i < columns[name].length; i++) columns[name][i] = (i * 7 + 1) % 251
  return columns
}

test('rows are copied whole into columns of another capacity', () => {
  const from = filled(5)
  const to = viewColumns(new ArrayBuffer(bufferBytes(40)), 40)
  copyRows(from, to, 3)
  for (const name of NAMES) {
    const width = COLUMNS[name][1]
    assert.equal([...to[name].subarray(0, 3 * width)], [...from[name].subarray(0, 3 * width)], name)
    assert.is(to[name][3 * width], 0, name)
  }
})

test('one row is copied onto another', () => {
  const columns = filled(8)
  copyRow(columns, 1, 4)
  for (const name of NAMES) {
    const width = COLUMNS[name][1]
    assert.equal([...columns[name].subarray(4 * width, 5 * width)], [...columns[name].subarray(width, 2 * width)], name)
  }
})

test.run()
