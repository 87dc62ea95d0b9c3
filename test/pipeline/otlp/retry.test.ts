import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Failure, nextAttemptMs, type RetryConfig } from '../../../src/pipeline/otlp/retry.ts'

const CONFIG: RetryConfig = {
  enabled: true,
  initial_interval: 1_000,
  max_interval: 4_000,
  multiplier: 2,
  randomization_factor: 0.5,
  max_elapsed_time: 60_000,
}

const FIRST: Failure = { passing: true, attempt: 1, elapsedMs: 0 }

/** No randomness: the middle of the range. */
const middle = () => 0.5

const retrying = suite('nextAttemptMs')

const cases: { name: string; failure?: Partial<Failure>; config?: Partial<RetryConfig>; want: number | undefined }[] = [
  { name: 'after the initial interval', want: 1_000 },
  { name: 'each wait is a multiple of the one before', failure: { attempt: 2 }, want: 2_000 },
  { name: 'up to the longest wait', failure: { attempt: 9 }, want: 4_000 },
  { name: 'not for what another attempt cannot change', failure: { passing: false }, want: undefined },
  { name: 'not when it is off', config: { enabled: false }, want: undefined },
  { name: 'not beyond the longest time', failure: { elapsedMs: 59_500 }, want: undefined },
  { name: 'for ever when there is none', failure: { elapsedMs: 1e9 }, config: { max_elapsed_time: 0 }, want: 1_000 },
  { name: 'never sooner than asked', failure: { waitMs: 7_500 }, want: 7_500 },
  { name: 'later than asked where the interval is longer', failure: { waitMs: 1 }, want: 1_000 },
  {
    name: 'no longer than a timer can wait, whatever is asked',
    failure: { waitMs: Number.POSITIVE_INFINITY },
    config: { max_elapsed_time: 0 },
    want: 2 ** 31 - 1,
  },
  { name: 'not when asked to wait beyond the longest time', failure: { waitMs: 60_001 }, want: undefined },
]
for (const { name, failure, config, want } of cases)
  retrying(name, () => assert.is(nextAttemptMs({ ...CONFIG, ...config }, { ...FIRST, ...failure }, middle), want))

retrying('the wait is random within its part', () => {
  assert.is(
    nextAttemptMs(CONFIG, FIRST, () => 0),
    500,
  )
  assert.is(
    nextAttemptMs(CONFIG, FIRST, () => 1),
    1_500,
  )
})

retrying.run()
