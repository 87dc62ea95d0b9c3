import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Backoff } from '../../src/pipeline/backoff.ts'

const backoffs = suite('backoff')

backoffs('doubles up to the most, half of it by chance, and begins anew after a success', () => {
  const none = new Backoff(100, 1_000, () => 0)
  assert.equal(
    Array.from({ length: 6 }, () => none.next()),
    [50, 100, 200, 400, 500, 500],
  )
  const all = new Backoff(100, 1_000, () => 1)
  assert.equal([all.next(), all.next()], [100, 200])
  all.reset()
  assert.is(all.next(), 100)
  assert.is(all.failures, 1)
})

backoffs('waits no less than the server asks for', () => {
  assert.is(new Backoff(100, 1_000, () => 0).next(5_000), 5_050)
})

backoffs.run()
