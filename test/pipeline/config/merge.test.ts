import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { stringify } from 'yaml'
import { merge } from '../../../src/pipeline/config/merge.ts'
import { nearest, plainValue } from '../../../src/pipeline/config/tree.ts'
import { treeOf } from '../../support/trees.ts'

const merging = suite('merge')

const cases = [
  { name: 'maps join key by key', base: 'a: 1', over: 'b: 2', result: { a: 1, b: 2 } },
  {
    name: 'and at every depth',
    base: 'a: {b: {c: 1, d: 2}}',
    over: 'a: {b: {d: 3}}',
    result: { a: { b: { c: 1, d: 3 } } },
  },
  { name: 'the later one wins', base: 'a: 1', over: 'a: x', result: { a: 'x' } },
  { name: 'lists are replaced whole', base: 'a: [1, 2, 3]', over: 'a: [4]', result: { a: [4] } },
  { name: 'a key without value wipes what was there', base: 'a: {b: 1}', over: 'a:', result: { a: null } },
  { name: 'an empty map keeps what was there', base: 'a: {b: 1}', over: 'a: {}', result: { a: { b: 1 } } },
  { name: 'a map replaces a value', base: 'a: 1', over: 'a: {b: 1}', result: { a: { b: 1 } } },
  { name: 'a wiped section is filled again by a third', base: 'a:', over: 'a: {c: 1}', result: { a: { c: 1 } } },
]
for (const { name, base, over, result } of cases) {
  merging(name, () => assert.equal(plainValue(merge(treeOf(base), treeOf(over))), result))
}

merging('every value keeps the place where it was written', () => {
  const merged = merge(treeOf('a:\n  b: 1\n  c: 2', 'one.yaml', 0), treeOf('a:\n\n  c: 3', 'two.yaml', 1))
  const places = [
    ['a', 'b'],
    ['a', 'c'],
  ].map((path) => nearest(merged, path).place)
  assert.equal(
    places.map(({ source, line }) => [source.name, line]),
    [
      ['one.yaml', 2],
      ['two.yaml', 3],
    ],
  )
})

const documents = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.integer(),
    fc.constantFrom('x', 'y'),
    fc.array(fc.integer(), { maxLength: 3 }),
    tie('map'),
  ),
  map: fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('value'), { noNullPrototype: true }),
})).map

merging('laying a document on itself changes nothing', () => {
  fc.assert(fc.property(documents, (map) => assert.equal(plainValue(merge(tree(map), tree(map))), map)))
})

merging('whatever the later document says is in the result', () => {
  fc.assert(
    fc.property(documents, documents, (base, over) => {
      const merged = merge(tree(base), tree(over))
      assert.equal(plainValue(merge(merged, tree(over))), plainValue(merged))
      for (const [key, value] of Object.entries(over)) {
        const isSection = typeof value === 'object' && !Array.isArray(value)
        if (!isSection) assert.equal(plainValue(nearest(merged, [key])), value)
      }
    }),
  )
})

merging('neither document is changed', () => {
  fc.assert(
    fc.property(documents, documents, (a, b) => {
      const [base, over] = [tree(a), tree(b)]
      merge(base, over)
      assert.equal([plainValue(base), plainValue(over)], [a, b])
    }),
  )
})

function tree(value: unknown) {
  return treeOf(stringify(value, { aliasDuplicateObjects: false }))
}

merging.run()
