import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  FIRST_IDENTITY,
  identityCandidates,
  LAST_IDENTITY,
  preferredIdentity,
} from '../../src/kubernetes/identity-number.ts'

const numbers = suite('identity numbers')

numbers('are 256 to 65,535 and the same for the same labels', () => {
  fc.assert(
    fc.property(fc.string(), (key) => {
      const number = preferredIdentity(key)
      return number >= FIRST_IDENTITY && number <= LAST_IDENTITY && number === preferredIdentity(`${key}`)
    }),
  )
})

numbers('every number is tried once, the preferred one first', () => {
  const candidates = [...identityCandidates('k8s:app=web;')]
  assert.is(candidates[0], preferredIdentity('k8s:app=web;'))
  assert.is(new Set(candidates).size, 65_280)
  assert.is(Math.min(...candidates), 256)
  assert.is(Math.max(...candidates), 65_535)
})

numbers('spread: 2,000 like label sets collide no more than chance would have it', () => {
  const taken = new Set(Array.from({ length: 2_000 }, (_, i) => preferredIdentity(`k8s:app=app-${i};k8s:ns=default;`)))
  // Chance alone: 2000²/2/65280 ≈ 31 collisions, standard deviation below 6.
  assert.ok(2_000 - taken.size < 60, `${2_000 - taken.size} collisions`)
})

numbers('stay what they are: agents and operators of different versions must agree', () => {
  assert.is(preferredIdentity(''), 256 + (((0x811c9dc5 ^ (0x811c9dc5 >>> 15)) >>> 0) % 65_280))
  assert.is(preferredIdentity('k8s:app=web;'), 42_062)
})

numbers.run()
