import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { RepeatedFault } from '../../src/operator/repeated-fault.ts'

const faults = suite('repeated fault')

faults('each message is news once in a minute, whatever comes between', () => {
  let now = 0
  const own = new RepeatedFault(() => now)
  assert.equal(
    ['a', 'b', 'a', 'b'].map((message) => own.isNews(message)),
    [true, true, false, false],
  )
  now = 60_000
  assert.is(own.isNews('a'), true)
  assert.is(own.isNews('a'), false)
})

faults('a hundred are remembered, the oldest is forgotten', () => {
  const own = new RepeatedFault(() => 0)
  for (let i = 0; i <= 100; i++) own.isNews(`${i}`)
  assert.is(own.isNews('1'), false)
  assert.is(own.isNews('0'), true)
})

faults.run()
