import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { LAST_ENDPOINT, preferredEndpoint } from '../../src/kubernetes/endpoint-number.ts'
import { EndpointNumbers } from '../../src/operator/endpoint-numbers.ts'

const numbers = suite('endpoint numbers')

numbers('two endpoints of a node never share one, on two nodes they may', () => {
  const own = new EndpointNumbers()
  const first = own.take('ns/a', 'node-1', 'uid')
  assert.is(first, preferredEndpoint('uid'))
  assert.is(own.take('ns/b', 'node-1', 'uid'), 1 + (first % LAST_ENDPOINT))
  assert.is(own.take('ns/c', 'node-2', 'uid'), first)
  assert.is(own.take('ns/a', 'node-1', 'another'), first, 'what is held stays')
})

numbers('a number that is found is kept; of two that have it the first by key, and a foreign one always', () => {
  const own = new EndpointNumbers()
  const found = { node: 'node-1', number: 7 }
  assert.is(own.adopt('ns/b', found, false), undefined)
  assert.is(own.adopt('ns/c', found, false), undefined)
  assert.is(own.take('ns/b', 'node-1', 'uid-b'), 7)
  assert.is.not(own.take('ns/c', 'node-1', 'uid-c'), 7)
  assert.is(own.adopt('ns/a', found, false), 'ns/b')
  assert.is(own.adopt('ns/z', found, true), 'ns/a')
  assert.is.not(own.take('ns/b', 'node-1', 'uid-b'), 7)
})

numbers('a number that is none is not taken over', () => {
  const own = new EndpointNumbers()
  for (const number of [0, -1, LAST_ENDPOINT + 1, 1.5]) own.adopt('ns/a', { node: 'node-1', number }, false)
  assert.is(own.take('ns/a', 'node-1', 'uid'), preferredEndpoint('uid'))
})

numbers('a full node is an error, and a number that is given back is used again', () => {
  const own = new EndpointNumbers()
  for (let i = 0; i < LAST_ENDPOINT; i++) own.adopt(`ns/${i}`, { node: 'node-1', number: i + 1 }, false)
  assert.throws(() => own.take('ns/x', 'node-1', 'uid'), 'node node-1 has 65535 endpoints: no number is left')
  own.release('ns/41')
  assert.is(own.take('ns/x', 'node-1', 'uid'), 42)
})

numbers('whatever is taken, found and given back, no two endpoints of a node hold one number', () => {
  const step = fc.record({
    what: fc.constantFrom('take', 'adopt', 'release'),
    key: fc.constantFrom('a', 'b', 'c', 'd'),
    node: fc.constantFrom('n1', 'n2'),
    number: fc.integer({ min: 1, max: 3 }),
    foreign: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const own = new EndpointNumbers()
      for (const { what, key, node, number, foreign } of steps) {
        if (what === 'take') own.take(key, node, 'uid')
        else if (what === 'adopt') own.adopt(key, { node, number }, foreign)
        else own.release(key)
      }
      const held = ['a', 'b', 'c', 'd'].map((key) => own.take(key, 'n1', 'uid'))
      assert.is(new Set(held).size, 4)
    }),
  )
})

numbers.run()
