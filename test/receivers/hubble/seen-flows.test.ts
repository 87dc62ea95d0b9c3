import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { SeenFlows } from '../../../src/receivers/hubble/seen-flows.ts'

const test = suite('seen flows')

function key(text: string): [Uint8Array, { at: number; end: number }] {
  const bytes = new TextEncoder().encode(`..${text}.`)
  return [bytes, { at: 2, end: bytes.length - 1 }]
}

test('a flow is known as long as it is one of the last 4,096', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 9_000 }), { minLength: 1, maxLength: 400 }), (extra) => {
      const seen = new SeenFlows()
      const last: number[] = []
      // Enough to go round several times, then what chance wants.
      for (const number of [...Array.from({ length: 9_000 }, (_, i) => i), ...extra]) {
        const known = last.includes(number)
        assert.is(seen.add(...key(`flow ${number}`), { seconds: number, nanos: 0 }), !known)
        if (known) continue
        last.push(number)
        if (last.length > 4_096) last.shift()
      }
      assert.is(seen.size, 4_096)
    }),
    { numRuns: 2 },
  )
})

test('nothing seen: nothing to resume at', () => {
  assert.is(new SeenFlows().resumeAt(2), undefined)
})

test('resumes some seconds before the last flow, which is not always the latest', () => {
  const seen = new SeenFlows()
  seen.add(...key('a'), { seconds: 1_000, nanos: 7 })
  seen.add(...key('b'), { seconds: 100, nanos: 9 })
  assert.equal(seen.resumeAt(2), { seconds: 98, nanos: 9 })
})

test('does not resume before what is remembered', () => {
  const seen = new SeenFlows()
  for (let i = 0; i < 5_000; i++) seen.add(...key(String(i)), { seconds: 10, nanos: i })
  assert.equal(seen.resumeAt(2), { seconds: 10, nanos: 5_000 - 4_096 + 1 })
  for (let i = 0; i < 5_000; i++) seen.add(...key(`x${i}`), { seconds: 20, nanos: 999_999_999 })
  assert.equal(seen.resumeAt(2), { seconds: 21, nanos: 0 })
})

test.run()
