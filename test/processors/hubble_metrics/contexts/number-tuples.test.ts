import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { NumberTuples } from '../../../../src/processors/hubble_metrics/contexts/number-tuples.ts'

const test = suite('NumberTuples')

/** Few values, so that tuples come again, and some that differ in high bits alone. */
const word = fc.constantFrom(0, 1, 2, 3, 0xffff, 0x1_0000, 0xfffffffe, 0xffffffff)

test('equal tuples have one number, different ones different numbers, and the words come back', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5 }),
      fc.array(fc.array(word, { minLength: 5, maxLength: 5 })),
      (width, all) => {
        const tuples = new NumberTuples(width)
        for (let round = 0; round < 2; round++) {
          const numbers = new Map<string, number>()
          for (const words of all) {
            const tuple = words.slice(0, width)
            const number = tuples.number(Uint32Array.from(words))
            assert.is(number, numbers.get(tuple.join()) ?? numbers.size)
            numbers.set(tuple.join(), number)
            assert.equal(
              tuple.map((_, i) => tuples.word(number, i)),
              tuple,
            )
          }
          assert.is(tuples.size, numbers.size)
          tuples.clear()
        }
      },
    ),
  )
})

test('stays right as it grows', () => {
  const tuples = new NumberTuples(2)
  for (let round = 0; round < 2; round++)
    for (let i = 0; i < 50_000; i++) if (tuples.number(Uint32Array.of(i % 7, i)) !== i) assert.unreachable(`tuple ${i}`)
  assert.is(tuples.size, 50_000)
})

test.run()
