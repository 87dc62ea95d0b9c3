import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Identity, IdentityIndex, identityOf } from '../../src/operator/identity-index.ts'

const indexes = suite('identity index')

function identity(number: number, key: string, uid = `${number}`): Identity {
  return { number, key, uid, version: '1', ours: true, unusedSince: '' }
}

indexes('of two numbers for one label set the lower one is chosen, whichever came first', () => {
  const index = new IdentityIndex()
  index.put(identity(900, 'a'))
  index.put(identity(400, 'a'))
  assert.is(index.find('a')?.number, 400)
  assert.equal(index.superfluous('a'), [900])
  index.remove(identity(400, 'a'))
  assert.is(index.find('a')?.number, 900)
  index.remove(identity(900, 'a'))
  assert.is(index.find('a'), undefined)
})

indexes('a late deletion does not remove what has been made since under the number', () => {
  const index = new IdentityIndex()
  index.put(identity(400, 'a', 'old'))
  index.put(identity(400, 'b', 'new'))
  index.remove(identity(400, 'a', 'old'))
  assert.is(index.find('a'), undefined)
  assert.is(index.find('b')?.uid, 'new')
})

const names = [
  { name: '256', number: 256 },
  { name: '65535', number: 65_535 },
  { name: '255', number: undefined },
  { name: '65536', number: undefined },
  { name: '16777217', number: undefined },
  { name: 'web', number: undefined },
]
for (const { name, number } of names)
  indexes(`an object named ${name} ${number === undefined ? 'is no identity of a pod here' : 'is one'}`, () => {
    const metadata = { name, uid: 'u', resourceVersion: '1' }
    const made = identityOf({ apiVersion: 'cilium.io/v2', kind: 'CiliumIdentity', metadata, 'security-labels': {} })
    assert.is(made?.number, number)
    if (number !== undefined) assert.is(made?.ours, false)
  })

indexes.run()
