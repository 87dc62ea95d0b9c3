import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { KubeObject } from '../../src/kubernetes/object.ts'
import { ObjectStore } from '../../src/kubernetes/object-store.ts'

const stores = suite('object store')

function object(name: string, uid: string, version: string): KubeObject {
  return { metadata: { name, namespace: 'ns', uid, resourceVersion: version } }
}

/** A store that keeps versions (not those of the version `unwanted`), with a copy built from what it tells. */
function observed() {
  const told: string[] = []
  const copy = new Map<string, string>()
  const trim = ({ metadata }: KubeObject) =>
    metadata.resourceVersion === 'unwanted' ? undefined : `${metadata.uid}@${metadata.resourceVersion}`
  const store = new ObjectStore<KubeObject, string>(trim, {
    added: (key, value) => {
      assert.not.ok(copy.has(key), 'added once')
      told.push(`+${value}`)
      copy.set(key, value)
    },
    updated: (key, value, before) => {
      assert.is(copy.get(key), before)
      told.push(`~${before}>${value}`)
      copy.set(key, value)
    },
    deleted: (key, value) => {
      assert.is(copy.get(key), value)
      told.push(`-${value}`)
      copy.delete(key)
    },
  })
  return { store, told, copy }
}

stores('a list tells differences only', () => {
  const { store, told } = observed()
  store.beginList()
  for (const name of ['a', 'b', 'c']) store.put(object(name, name, '1'))
  store.endList()
  told.length = 0
  store.beginList()
  store.put(object('a', 'a', '1'))
  store.put(object('b', 'b', '2'))
  store.endList()
  assert.equal(told, ['~b@1>b@2', '-c@1'])
})

stores('another object under the same name is a deletion and an addition', () => {
  const { store, told } = observed()
  store.put(object('a', 'first', '1'))
  store.put(object('a', 'second', '2'))
  store.remove(object('a', 'first', '3'))
  assert.equal(told, ['+first@1', '-first@1', '+second@2'])
})

stores('an object that is no longer wanted is told as deleted, and comes back', () => {
  const { store, told } = observed()
  store.put(object('a', 'a', '1'))
  store.put(object('a', 'a', 'unwanted'))
  store.put(object('a', 'a', 'unwanted'))
  store.put(object('a', 'a', '3'))
  assert.equal(told, ['+a@1', '-a@1', '+a@3'])
})

stores('whatever happens, what was told adds up to what is held', () => {
  const name = fc.constantFrom('a', 'b', 'c')
  const uid = fc.constantFrom('u1', 'u2')
  const version = fc.constantFrom('1', '2', '3', 'unwanted')
  const step = fc.tuple(fc.constantFrom('put', 'remove', 'begin', 'end'), name, uid, version)
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const { store, copy } = observed()
      for (const [what, ...of] of steps) {
        if (what === 'put') store.put(object(...of))
        else if (what === 'remove') store.remove(object(...of))
        else if (what === 'begin') store.beginList()
        else store.endList()
      }
      assert.equal(new Map(store.entries()), copy)
    }),
  )
})

stores.run()
