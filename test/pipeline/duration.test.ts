import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { formatDuration, parseDuration } from '../../src/pipeline/duration.ts'

const durations = suite('duration')

const cases: [text: string, ms: number | undefined][] = [
  ['0', 0],
  ['1s', 1_000],
  ['1m30s', 90_000],
  ['1.5h', 5_400_000],
  ['.5s', 500],
  ['250ms', 250],
  ['10us', 0.01],
  ['10µs', 0.01],
  ['5ns', 0.000005],
  ['-2s', -2_000],
  ['+2s', 2_000],
  ['', undefined],
  ['10', undefined],
  ['1d', undefined],
  ['1s ', undefined],
  ['s', undefined],
  ['1s2', undefined],
  ['1e3s', undefined],
  ['--1s', undefined],
]
for (const [text, ms] of cases) {
  durations(`${JSON.stringify(text)} is ${ms === undefined ? 'no duration' : `${ms} ms`}`, () =>
    assert.is(parseDuration(text), ms),
  )
}

durations('what is written is read again', () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 1e9 }), (ms) => assert.is(parseDuration(formatDuration(ms)), ms)))
})

durations('the shortest form is written', () => {
  const written = [0, 1, 999, 1_000, 1_500, 60_000, 90_000, 3_600_000, 3_661_000, 0.5, -10].map(formatDuration)
  assert.equal(written, ['0s', '1ms', '999ms', '1s', '1.5s', '1m', '1m30s', '1h', '1h1m1s', '500µs', '-10ms'])
})

durations.run()
