import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { LAST_ENDPOINT, preferredEndpoint } from '../../src/kubernetes/endpoint-number.ts'

const numbers = suite('preferred endpoint number')

numbers('is within 16 bits, never 0, and stays', () => {
  for (let i = 0; i < 1_000; i++) {
    const number = preferredEndpoint(`uid-${i}`)
    assert.ok(number >= 1 && number <= LAST_ENDPOINT)
    assert.is(preferredEndpoint(`uid-${i}`), number)
  }
})

numbers.run()
