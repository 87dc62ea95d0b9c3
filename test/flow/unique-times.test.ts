import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { FlowBatch } from '../../src/flow/batch.ts'
import { uniqueTimes } from '../../src/flow/unique-times.ts'

const test = suite('uniqueTimes')

function run(times: readonly (readonly [number, number])[]): [number, number][] {
  const { columns, length } = FlowBatch.allocate(times.length)
  times.forEach(([seconds, nanos], i) => {
    columns.timeSeconds[i] = seconds
    columns.timeNanos[i] = nanos
  })
  uniqueTimes(columns, length)
  return times.map((_, i) => [columns.timeSeconds[i]!, columns.timeNanos[i]!])
}

const cases = [
  {
    name: 'different times stay',
    times: [
      [1, 5],
      [1, 7],
      [2, 0],
    ],
    expect: [
      [1, 5],
      [1, 7],
      [2, 0],
    ],
  },
  {
    name: 'equal times are moved on one by one',
    times: [
      [1, 5],
      [1, 5],
      [1, 5],
      [1, 6],
    ],
    expect: [
      [1, 5],
      [1, 6],
      [1, 7],
      [1, 8],
    ],
  },
  {
    name: 'a second can be full',
    times: [
      [1, 999_999_999],
      [1, 999_999_999],
    ],
    expect: [
      [1, 999_999_999],
      [2, 0],
    ],
  },
  {
    name: 'times that go back stay unless taken',
    times: [
      [1, 5],
      [1, 9],
      [1, 5],
      [1, 5],
    ],
    expect: [
      [1, 5],
      [1, 9],
      [1, 6],
      [1, 7],
    ],
  },
] as const
for (const { name, times, expect } of cases) test(name, () => assert.equal(run(times), expect))

test('all times differ afterwards, and none moved by more than the rows there are', () => {
  const time = fc.tuple(
    fc.integer({ min: 1, max: 3 }),
    fc.oneof(fc.nat(6), fc.integer({ min: 999_999_994, max: 999_999_999 })),
  )
  fc.assert(
    fc.property(fc.array(time, { maxLength: 60 }), (times) => {
      const after = run(times)
      assert.is(new Set(after.map(String)).size, times.length)
      after.forEach(([seconds, nanos], i) => {
        const moved = (seconds - times[i]![0]) * 1e9 + nanos - times[i]![1]
        assert.ok(moved >= 0 && moved <= times.length, `moved by ${moved}`)
      })
    }),
  )
})

test.run()
