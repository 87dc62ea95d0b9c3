import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { CoreEndpoint } from '../../src/kubernetes/cilium.ts'
import { SlicePlan } from '../../src/operator/slice-plan.ts'

const plans = suite('slice plan')

function endpoint(name: string, id = 300): CoreEndpoint {
  return { name, id, networking: { addressing: [{ ipv4: '10.0.0.1' }] } }
}

plans('slices are filled up, and a change stays in its slice', () => {
  const plan = new SlicePlan(2)
  const a = plan.put('ns/a', 'ns', endpoint('a'))
  assert.is(plan.put('ns/b', 'ns', endpoint('b')), a)
  const c = plan.put('ns/c', 'ns', endpoint('c'))
  assert.is.not(c, a)
  assert.is(plan.put('ns/a', 'ns', endpoint('a', 301)), a)
  assert.equal(
    plan.members(a).map(({ name, id }) => [name, id]),
    [
      ['a', 301],
      ['b', 300],
    ],
  )
  assert.is(plan.remove('ns/b'), a)
  assert.is(plan.put('ns/d', 'ns', endpoint('d')), plan.put('ns/d', 'ns', endpoint('d')))
  assert.is(plan.remove('ns/unknown'), undefined)
})

plans('namespaces share no slice', () => {
  const plan = new SlicePlan()
  assert.is.not(plan.put('a/x', 'a', endpoint('x')), plan.put('b/x', 'b', endpoint('x')))
})

plans('a slice that is found is taken over; what two of them have stays in the first', () => {
  const plan = new SlicePlan()
  assert.is(plan.adopt('one', 'ns', [endpoint('a'), endpoint('b')]), false)
  assert.is(plan.adopt('two', 'ns', [endpoint('b'), endpoint('c')]), true)
  assert.equal(
    plan.members('two').map(({ name }) => name),
    ['c'],
  )
  assert.is(plan.put('ns/b', 'ns', endpoint('b')), 'one')
})

plans('every endpoint is in one slice of its namespace, and none is too large', () => {
  const step = fc.tuple(fc.boolean(), fc.constantFrom('n1', 'n2'), fc.nat(12))
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const plan = new SlicePlan(3)
      const slices = new Map<string, string>()
      const expected = new Set<string>()
      for (const [put, namespace, i] of steps) {
        const key = `${namespace}/p${i}`
        if (put) slices.set(plan.put(key, namespace, endpoint(`p${i}`)), namespace)
        else plan.remove(key)
        expected[put ? 'add' : 'delete'](key)
      }
      const found = [...slices].flatMap(([slice, namespace]) => {
        const members = plan.members(slice)
        assert.ok(members.length <= 3)
        return members.map(({ name }) => `${namespace}/${name}`)
      })
      assert.equal(found.sort(), [...expected].sort())
    }),
  )
})

plans.run()
