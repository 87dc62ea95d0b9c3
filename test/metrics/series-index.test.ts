import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { LabelTable } from '../../src/metrics/label-table.ts'
import { SeriesIndex } from '../../src/metrics/series-index.ts'

const test = suite('SeriesIndex')

const text = fc.constantFrom('', 'a', 'b', 'c')
const row = fc.tuple(text, text, text)

test('finds the rows some of whose labels are wanted, whatever was removed before', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(row, { selector: (values) => values.join() }),
      fc.array(fc.nat(30)),
      fc.integer({ min: 0, max: 2 }),
      fc.array(row),
      (rows, removed, first, wanted) => {
        const index = new SeriesIndex(3)
        for (const [i, values] of rows.entries()) index.insert(i + 1, values)
        const gone = new Set(removed.filter((i) => i < rows.length))
        for (const i of gone) index.remove(i + 1)
        const parts = wanted.map((values) => values.slice(first))
        const keys = parts.map((values) => values.join())
        const want = rows.flatMap((values, i) =>
          !gone.has(i) && keys.includes(values.slice(first).join()) ? [i + 1] : [],
        )
        assert.equal(
          index.matching(first, parts).sort((a, b) => a - b),
          want,
        )
      },
    ),
  )
})

test('a table of texts that indexes share keeps a text until nobody uses it', () => {
  const table = new LabelTable()
  const [one, two] = [new SeriesIndex(2, table), new SeriesIndex(1, table)]
  one.insert(1, ['a', 'b'])
  two.insert(1, ['a'])
  one.remove(1)
  assert.equal([table.size, two.find(['a']), one.find(['a', 'b'])], [1, 1, -1])
  two.remove(1)
  assert.is(table.size, 0)
})

test.run()
