import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { EndpointTable, UNKNOWN_ENDPOINT } from '../../../src/flow/endpoint.ts'
import { messageType } from '../../../src/hubble/definition.ts'
import { ForeignEndpoints } from '../../../src/receivers/hubble/foreign-endpoints.ts'

const test = suite('foreign endpoints')

function known(limit = 8): {
  endpoints: ForeignEndpoints
  table: EndpointTable
  clock: { ms: number }
  id(name: string): number
} {
  const table = new EndpointTable()
  const clock = { ms: 1_000_000 }
  const endpoints = new ForeignEndpoints(table, limit, () => clock.ms)
  const id = (pod_name: string, service = '') => {
    const end = messageType('flow.Endpoint').serialize({ pod_name, identity: 7 })
    const name = service === '' ? Buffer.alloc(0) : messageType('flow.Service').serialize({ name: service })
    const bytes = Buffer.concat([Buffer.of(1, 2, 3), name, end])
    const serviceEnd = 3 + name.length
    return endpoints.id(bytes, { at: serviceEnd, end: bytes.length }, { at: 3, end: serviceEnd })
  }
  return { endpoints, table, clock, id }
}

test('the same bytes are the same endpoint, others are another', () => {
  const { id, table } = known()
  const first = id('a')
  assert.is(id('a'), first)
  assert.is.not(id('b'), first)
  assert.is(table.get(first).podName, 'a')
})

test('the service belongs to the endpoint', () => {
  const { table, endpoints } = known()
  const service = messageType('flow.Service').serialize({ name: 'web', namespace: 'shop' })
  const id = endpoints.id(service, { at: 0, end: 0 }, { at: 0, end: service.length })
  assert.equal(table.get(id).service, { name: 'web', namespace: 'shop' })
})

test('a full table leaves further ends unknown and counts them', () => {
  const { id, endpoints } = known(2)
  const ids = ['a', 'b', 'c', 'a'].map((name) => id(name))
  assert.is(ids[2], UNKNOWN_ENDPOINT)
  assert.is(ids[3], ids[0])
  assert.is(endpoints.refused, 1)
  assert.is(endpoints.size, 2)
})

test('ends that say much leave room for fewer of them', () => {
  const { id, endpoints, clock } = known(8)
  const large = 'x'.repeat(3_000)
  const ids = ['a', 'b', 'c'].map((name) => id(name + large))
  assert.is(ids[2], UNKNOWN_ENDPOINT)
  assert.is(endpoints.refused, 1)
  clock.ms += 31_000
  assert.is.not(id(`c${large}`), UNKNOWN_ENDPOINT)
  assert.is(endpoints.size, 1)
  endpoints.close()
  assert.is.not(id(`d${large}`), UNKNOWN_ENDPOINT)
})

test('an end that says more than 8 KiB stays unknown', () => {
  const { id, endpoints } = known(64)
  assert.is(id('x'.repeat(8_192)), UNKNOWN_ENDPOINT)
  assert.is.not(id('x'.repeat(8_000)), UNKNOWN_ENDPOINT)
  assert.is(endpoints.refused, 1)
})

test('a full table gives up what no flow named for half a minute', () => {
  const { id, endpoints, clock } = known(2)
  const [first] = [id('a'), id('b')]
  clock.ms += 31_000
  endpoints.sweep()
  assert.is(id('b') > UNKNOWN_ENDPOINT, true)
  assert.is(id('c') > UNKNOWN_ENDPOINT, true)
  assert.is.not(id('c'), first)
  assert.is(endpoints.refused, 0)
  assert.is(endpoints.size, 2)
})

test('what no flow named for ten minutes goes, and the others are still found', () => {
  const { id, endpoints, table, clock } = known(64)
  const ids = Array.from({ length: 32 }, (_, i) => id(`pod-${i}`))
  clock.ms += 500_000
  endpoints.sweep()
  for (let i = 0; i < 32; i += 3) id(`pod-${i}`)
  clock.ms += 200_000
  endpoints.sweep()
  assert.is(endpoints.size, 11)
  for (let i = 0; i < 32; i += 3) assert.is(id(`pod-${i}`), ids[i])
  assert.is(endpoints.size, 11)
  assert.is(table.waiting, 21)
})

test('whatever comes and goes, an id is that of the end or of nobody', () => {
  const step = fc.tuple(fc.integer({ min: 0, max: 40 }), fc.constantFrom(0, 0, 0, 0, 1_000, 40_000))
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const { id, endpoints, table, clock } = known(16)
      for (const [pod, laterMs] of steps) {
        clock.ms += laterMs
        const found = id(`pod-${pod}`)
        if (found !== UNKNOWN_ENDPOINT) assert.is(table.get(found).podName, `pod-${pod}`)
        assert.ok(endpoints.size <= 16)
        assert.is(id(`pod-${pod}`), found)
      }
    }),
  )
})

test('its end retires every id', () => {
  const { id, endpoints, table } = known()
  id('a')
  id('b')
  endpoints.close()
  assert.is(endpoints.size, 0)
  assert.is(table.waiting, 2)
})

test.run()
