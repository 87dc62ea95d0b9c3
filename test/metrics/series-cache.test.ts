import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Family } from '../../src/metrics/family.ts'
import { SeriesCache } from '../../src/metrics/series-cache.ts'

const made = (limit = 1_000_000) => new Family({ name: 'x', help: 'x', kind: 'counter', labels: ['key'], limit })

const caching = suite('SeriesCache')

caching('gives the id that the family gives, whatever the keys', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 0xffffffff })), (keys) => {
      const family = made()
      const cache = new SeriesCache(family, (key) => [String(key)])
      for (const key of [...keys, ...keys]) assert.is(cache.id(0, key), family.series(String(key)))
    }),
  )
})

caching('asks for the labels of a key once', () => {
  let asked = 0
  const cache = new SeriesCache(made(), (key) => {
    asked++
    return [String(key)]
  })
  for (let i = 0; i < 1000; i++) cache.id(0, i % 10)
  assert.is(asked, 10)
})

caching('forgets ids when a series was removed', () => {
  const family = made()
  const cache = new SeriesCache(family, (key) => [String(key)])
  const id = cache.id(0, 1)
  cache.refresh()
  family.remove(id)
  family.series('other')
  cache.refresh()
  assert.is.not(cache.id(0, 1), id)
  assert.is(cache.id(0, 1), family.series('1'))
})

caching('stays right beyond the most keys it remembers', () => {
  const family = made()
  const cache = new SeriesCache(family, (key) => [String(key)])
  for (let key = 0; key < 150_000; key++) cache.id(0, key)
  for (let key = 0; key < 150_000; key += 7) assert.is(cache.id(0, key), family.series(String(key)))
})

caching.run()
