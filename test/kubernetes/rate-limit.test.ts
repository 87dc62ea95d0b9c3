import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { RateLimit } from '../../src/kubernetes/rate-limit.ts'

const limits = suite('rate limit')

limits('a burst at once, then so many a second, and no more after a long pause', () => {
  let now = 1_000
  const limit = new RateLimit(10, 5, () => now)
  const taken = () => Array.from({ length: 20 }, () => limit.tryTake()).filter(Boolean).length
  assert.is(taken(), 5)
  assert.is(taken(), 0)
  now += 100
  assert.is(taken(), 1)
  now += 1_000
  assert.is(taken(), 5)
  now += 3_600_000
  assert.is(taken(), 5)
})

limits('who waits waits in order, and can give up', async () => {
  const limit = new RateLimit(1_000, 1)
  const order: number[] = []
  await Promise.all([0, 1, 2, 3].map((i) => limit.take().then(() => order.push(i))))
  assert.equal(order, [0, 1, 2, 3])
  const slow = new RateLimit(0.001, 1)
  await slow.take()
  const ending = new AbortController()
  const waiting = slow.take(ending.signal).then(
    () => 'taken',
    (error) => (error as Error).name,
  )
  ending.abort()
  assert.is(await waiting, 'AbortError')
})

limits.run()
