import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { OVERFLOW } from '../../../src/metrics/family.ts'
import { type ContextOptions, census, ends, GRACE_MS, SeriesWorld } from '../../support/series-world.ts'

const keeping = suite('SeriesKeeper')

const CONTEXTS: { name: string; which: 'hubble' | 'exact'; options: ContextOptions; label: string; value: string }[] = [
  {
    name: 'sourceContext=pod',
    which: 'hubble',
    options: { sourcecontext: ['pod'] },
    label: 'source',
    value: 'shop/cart-1',
  },
  {
    name: 'destinationContext=pod-name',
    which: 'hubble',
    options: { destinationcontext: ['pod-name'] },
    label: 'destination',
    value: 'cart-1',
  },
  {
    name: 'sourceEgressContext=ip|pod',
    which: 'hubble',
    options: { sourceegresscontext: ['dns', 'pod'] },
    label: 'source',
    value: 'shop/cart-1',
  },
  {
    name: 'labelsContext',
    which: 'hubble',
    options: { labelscontext: ['source_pod', 'source_namespace'] },
    label: 'source_pod',
    value: 'cart-1',
  },
  { name: 'ends: pod', which: 'exact', options: {}, label: 'destination_pod', value: 'cart-1' },
]
for (const { name, which, options, label, value } of CONTEXTS) {
  keeping(`${name}: series of a pod that is gone are removed after the grace period, and those of others stay`, () => {
    const world = new SeriesWorld({ ends: 'pod' })
    const handler = world.handler(which, 'flow', options)
    for (const pod of ['cart-1', 'cart-2']) world.come(pod)
    world.count(handler, [
      ['cart-1', 'cart-1'],
      ['cart-2', 'cart-2'],
    ])
    assert.is(world.pass(3 * GRACE_MS).gone, 0)
    world.go('cart-1')
    world.pass(GRACE_MS - 10_000)
    assert.ok(ends(handler, label).includes(value))
    assert.ok(world.pass(20_000).gone > 0)
    assert.equal(ends(handler, label), [value.replace('1', '2')])
    world.come('cart-1')
    world.count(handler, [['cart-1', 'cart-1']])
    assert.is(ends(handler, label).length, 2)
    assert.equal(
      [...handler.families[0]!.ids()].map((id) => handler.families[0]!.value(id)),
      [1, 1],
    )
  })
}

keeping('a workload goes with its last pod, and stays where a new pod of it has flows within the grace period', () => {
  const world = new SeriesWorld()
  const handler = world.handler('exact', 'flow')
  for (const pod of ['cart-1', 'cart-2', 'db-0']) world.come(pod)
  world.count(handler, [
    ['cart-1', 'db-0'],
    ['cart-2', 'db-0'],
  ])
  assert.is(handler.families[0]!.size, 1)
  world.go('cart-1')
  assert.is(world.pass(2 * GRACE_MS).gone, 0)
  world.go('cart-2')
  world.pass(GRACE_MS / 2)
  world.come('cart-3')
  world.count(handler, [['cart-3', 'db-0']])
  assert.is(world.pass(2 * GRACE_MS).gone, 0)
  assert.is(handler.families[0]!.value(1), 3)
  world.go('cart-3')
  // Packets and bytes.
  assert.is(world.pass(2 * GRACE_MS).gone, 2)
})

keeping('a workload whose pods of here are gone keeps its series while others of it run elsewhere', () => {
  for (const { which, options } of [
    { which: 'exact' as const, options: {} },
    { which: 'hubble' as const, options: { sourcecontext: ['workload'], labelscontext: ['source_app'] } },
  ]) {
    const world = new SeriesWorld()
    const handler = world.handler(which, 'flow', options)
    world.table.cluster.addCensus(census(world, ({ podName }) => !world.goneMs.has(podName)))
    // Nobody has a flow with the second.
    for (const pod of ['cart-1', 'cart-2']) world.come(pod)
    world.count(handler, [['cart-1', 'cart-1']])
    world.go('cart-1')
    assert.is(world.pass(5 * GRACE_MS).gone, 0)
    world.go('cart-2')
    assert.ok(world.pass(2 * GRACE_MS).gone > 0)
    assert.is(handler.families[0]!.size, 0)
  }
})

keeping('so does one whose pods were asked for as a service', () => {
  const world = new SeriesWorld()
  const handler = world.handler('exact', 'flow')
  world.table.cluster.addCensus(census(world, ({ podName }) => !world.goneMs.has(podName)))
  world.come('cart-1', { service: { namespace: 'shop', name: 'checkout' } })
  world.come('cart-2')
  world.count(handler, [['cart-1', 'cart-1']])
  assert.equal(ends(handler, 'source_service'), ['checkout'])
  world.go('cart-1')
  assert.is(world.pass(5 * GRACE_MS).gone, 0)
  world.go('cart-2')
  assert.ok(world.pass(3 * GRACE_MS).gone > 0)
})

keeping('series of a pod that came back on another node go, as nobody is what they say any more', () => {
  const world = new SeriesWorld({ ends: 'pod' })
  const handler = world.handler('exact', 'flow')
  world.table.cluster.addCensus(census(world, ({ podName }) => !world.goneMs.has(podName)))
  world.come('db-0', { nodeName: 'node-1' })
  world.count(handler, [['db-0', 'db-0']])
  world.go('db-0')
  world.come('db-0', { nodeName: 'node-2' })
  world.count(handler, [['db-0', 'db-0']])
  assert.equal(ends(handler, 'source_node'), ['node-1', 'node-2'])
  assert.ok(world.pass(2 * GRACE_MS).gone > 0)
  assert.equal(ends(handler, 'source_node'), ['node-2'])
})

keeping('a pod that changed and has had no flow since keeps its series, as the cluster still knows it', () => {
  const world = new SeriesWorld({ ends: 'pod' })
  const handler = world.handler('exact', 'flow')
  world.come('cart-1')
  world.count(handler, [['cart-1', 'cart-1']])
  const end = world.table.cluster.addCensus(census(world, ({ podName }) => podName === 'cart-1'))
  world.table.retire(world.ids.get('cart-1')!)
  assert.is(world.pass(3 * GRACE_MS).gone, 0)
  end()
  assert.is(world.pass(3 * GRACE_MS).gone, 2)
})

keeping('a flow of a pod that has long been gone is counted, and its series goes again', () => {
  const world = new SeriesWorld({ ends: 'pod' })
  const handler = world.handler('exact', 'flow')
  world.come('cart-1')
  world.go('cart-1')
  for (let round = 0; round < 3; round++) {
    world.count(handler, [['cart-1', 'cart-1']])
    assert.equal(ends(handler, 'source_pod'), ['cart-1'])
    assert.is(world.pass(2 * GRACE_MS).gone, 2)
    assert.equal(ends(handler, 'source_pod'), [])
  }
})

keeping('gone_series_ttl: 0 removes nothing; series_ttl removes what does not change', () => {
  const world = new SeriesWorld({ ends: 'pod', gone_series_ttl: 0, series_ttl: 5 * GRACE_MS })
  const handler = world.handler('exact', 'flow')
  for (const pod of ['cart-1', 'cart-2']) world.come(pod)
  world.count(handler, [
    ['cart-1', 'cart-1'],
    ['cart-2', 'cart-2'],
  ])
  world.go('cart-1')
  assert.equal(world.pass(4 * GRACE_MS), { gone: 0, idle: 0 })
  world.count(handler, [['cart-2', 'cart-2']])
  assert.equal(world.pass(2 * GRACE_MS), { gone: 0, idle: 2 })
  assert.equal(ends(handler, 'source_pod'), ['cart-2'])
})

keeping('all metrics together have no more series than total_cardinality_limit, and use room that becomes free', () => {
  const world = new SeriesWorld({ total_cardinality_limit: 6, ends: 'pod' })
  const handlers = [world.handler('hubble', 'flow', { sourcecontext: ['pod'] }), world.handler('exact', 'flow')]
  const pods = Array.from({ length: 5 }, (_, i) => `cart-${i}`)
  for (const pod of pods) world.come(pod)
  const round = () => {
    for (const handler of handlers)
      world.count(
        handler,
        pods.map((pod) => [pod, pod] as const),
      )
  }
  round()
  assert.is(world.keeper.size, 6)
  const flows = handlers[0]!.families[0]!
  const packets = handlers[1]!.families[0]!
  assert.equal([flows.size, packets.size, packets.value(OVERFLOW)], [5, 1, 4])
  world.go('cart-0')
  world.pass(2 * GRACE_MS)
  assert.ok(world.keeper.size < 6)
  pods.shift()
  round()
  assert.is(world.keeper.size, 6)
  assert.ok(packets.size > 0)
  const kept = 6 - flows.size
  world.keeper.drop(handlers[0]!.families)
  assert.equal([world.keeper.size, flows.size], [kept, 0])
})

keeping.run()
