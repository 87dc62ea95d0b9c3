import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Endpoint } from '../../../src/flow/endpoint.ts'
import { DROP } from '../../support/metric-rows.ts'
import { census, GRACE_MS, labelsOf, SeriesWorld } from '../../support/series-world.ts'

const sweeping = suite('sweeps of series')

sweeping('who comes back while a sweep is under way keeps the series that are left', () => {
  const world = new SeriesWorld({ ends: 'pod' })
  const handlers = ['flow', 'drop', 'dns'].map((name) => world.handler('exact', name))
  world.come('cart-1')
  for (const handler of handlers) world.count(handler, [['cart-1', 'cart-1']], DROP)
  world.go('cart-1')
  world.pass(10_000)
  world.nowMs += GRACE_MS
  const steps = world.keeper.sweep()
  while (handlers[0]!.families[0]!.size > 0) steps.next()
  world.come('cart-1')
  for (const handler of handlers) world.count(handler, [['cart-1', 'cart-1']], DROP)
  assert.is(
    [...steps].reduce((sum, { gone = 0 }) => sum + gone, 0),
    0,
  )
  const packets = handlers[1]!.families[0]!
  assert.equal(
    [...packets.ids()].map((id) => packets.value(id)),
    [2],
  )
})

sweeping('many pods that go at once are removed in several sweeps', () => {
  const world = new SeriesWorld({ ends: 'pod' })
  const handler = world.handler('exact', 'flow')
  const pods = Array.from({ length: 600 }, (_, i) => `cart-${i}`)
  for (const pod of pods) world.come(pod)
  world.count(
    handler,
    pods.map((pod) => [pod, pod] as const),
  )
  for (const pod of pods) world.go(pod)
  world.pass(10_000 + GRACE_MS)
  const left: number[] = [handler.families[0]!.size]
  for (let i = 0; i < 2; i++) {
    world.pass(10_000)
    left.push(handler.families[0]!.size)
  }
  assert.equal(left, [600 - 256, 600 - 512, 0])
})

sweeping('the cluster is asked for many ends in steps, between which flows are counted', () => {
  const world = new SeriesWorld({ ends: 'pod' })
  const handler = world.handler('exact', 'flow')
  const pods = Array.from({ length: 1_000 }, (_, i) => `cart-${i}`)
  for (const pod of pods) world.come(pod)
  world.count(
    handler,
    pods.map((pod) => [pod, pod] as const),
  )
  let asked = 0
  const now = (end: Endpoint) => {
    asked++
    return end
  }
  world.table.cluster.addCensus({ now, members: () => [] })
  for (const id of world.ids.values()) world.table.retire(id)
  for (const _ of world.keeper.sweep()) {
    assert.ok(asked <= 100, `${asked} in one step`)
    asked = 0
  }
  assert.is(world.pass(3 * GRACE_MS).gone, 0)
})

const POD_NAMES = ['cart-1', 'cart-2', 'db-0', 'web-1']
const pod = fc.constantFrom(...POD_NAMES)
const action = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ at: fc.constant('flows' as const), pairs: fc.array(fc.tuple(pod, pod), { minLength: 1 }) }),
  },
  fc.record({ at: fc.constant('go' as const), pod }),
  fc.record({ at: fc.constant('come' as const), pod }),
  fc.record({ at: fc.constant('pass' as const), ms: fc.constantFrom(10_000, 30_000, 90_000) }),
  fc.record({ at: fc.constant('steps' as const), count: fc.integer({ min: 1, max: 4 }) }),
)

sweeping('removing and making anew never mixes series, and removes none whose pods were there', () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 40 }), fc.boolean(), (actions, exact) => {
      const world = new SeriesWorld({ ends: 'pod' })
      world.table.cluster.addCensus(
        census(world, ({ podName }) => world.ids.has(podName) && !world.goneMs.has(podName)),
      )
      const options = { labelscontext: ['source_pod', 'destination_pod'] }
      const handler = world.handler(exact ? 'exact' : 'hubble', 'flow', options)
      const family = handler.families[0]!
      const removed: Record<string, number> = {}
      const pairOf = (id: number) => {
        const { source_pod: source, destination_pod: destination } = labelsOf(family, id)
        return [source!, destination!] as const
      }
      family.watchRemovals((id) => {
        // Who came back during a sweep that had found them gone begins anew.
        const goneMs = pairOf(id).map((name) => world.missedMs.get(name) ?? Number.POSITIVE_INFINITY)
        assert.ok(goneMs.some((ms) => world.nowMs - ms >= GRACE_MS))
        removed[pairOf(id).join()] = (removed[pairOf(id).join()] ?? 0) + family.value(id)
      })
      for (const name of POD_NAMES) world.come(name)
      const want: Record<string, number> = {}
      for (const step of actions) {
        if (step.at === 'flows') {
          world.count(handler, step.pairs)
          for (const pair of step.pairs) want[pair.join()] = (want[pair.join()] ?? 0) + 1
        } else if (step.at === 'pass') world.pass(step.ms)
        else if (step.at === 'steps') for (let i = 0; i < step.count; i++) world.step()
        else if (step.at === 'come' && world.goneMs.has(step.pod)) world.come(step.pod)
        else if (step.at === 'go' && !world.goneMs.has(step.pod)) world.go(step.pod)
      }
      const got = { ...removed }
      for (const id of family.ids()) got[pairOf(id).join()] = (got[pairOf(id).join()] ?? 0) + family.value(id)
      assert.equal(got, want)
      world.pass(3 * GRACE_MS)
      const stale = [...family.ids()].filter((id) => pairOf(id).some((name) => world.goneMs.has(name)))
      assert.equal(stale.map(pairOf), [])
    }),
    { numRuns: 300 },
  )
})

sweeping.run()
