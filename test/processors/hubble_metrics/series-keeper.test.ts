import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { FlowBatch } from '../../../src/flow/batch.ts'
import type { Census } from '../../../src/flow/cluster-view.ts'
import { type Endpoint, EndpointTable, endpoint } from '../../../src/flow/endpoint.ts'
import { Ends } from '../../../src/flow/ends.ts'
import { type Family, OVERFLOW } from '../../../src/metrics/family.ts'
import { defaultsOf } from '../../../src/pipeline/config/decode.ts'
import { type HubbleMetricsConfig, hubbleMetricsConfig } from '../../../src/processors/hubble_metrics/config.ts'
import type { Handler } from '../../../src/processors/hubble_metrics/handlers/handler.ts'
import { HANDLER_KINDS } from '../../../src/processors/hubble_metrics/handlers/kinds.ts'
import { SeriesKeeper } from '../../../src/processors/hubble_metrics/series-keeper.ts'
import { type FlowRow, flowBatch, TCP_SYN } from '../../support/flows.ts'
import { DROP } from '../../support/metric-rows.ts'

const GRACE_MS = 60_000

type Options = Record<string, string[]>

/** A keeper with a clock of its own, and pods that come and go. */
class World {
  readonly table = new EndpointTable()
  readonly keeper: SeriesKeeper
  nowMs = 1_000_000
  /** By name of the pod: its id, and when it went. */
  readonly ids = new Map<string, number>()
  readonly goneMs = new Map<string, number>()
  /** Since when every sweep began without them. */
  readonly missedMs = new Map<string, number>()
  /** Under way. */
  #sweep: ReturnType<SeriesKeeper['sweep']> | undefined

  constructor(overrides: Partial<HubbleMetricsConfig> = {}) {
    const defaults = defaultsOf(hubbleMetricsConfig.schema) as unknown as HubbleMetricsConfig
    this.keeper = new SeriesKeeper({ ...defaults, ...overrides }, new Ends(this.table), () => this.nowMs)
  }

  handler(which: 'hubble' | 'exact', name: string, options: Options = {}): Handler {
    const entry = { options: new Map(Object.entries(options)), limit: undefined }
    const kind = HANDLER_KINDS[name]!
    return which === 'hubble'
      ? kind.hubble(this.keeper.hubbleSettings(entry, kind.swapsEnds))
      : kind.exact!(this.keeper.exactSettings(entry))
  }

  /** Pods `cart-1`, `cart-2` and so on are of the workload `cart`. */
  come(name: string, known: Partial<Endpoint> = {}): void {
    const workload = name.split('-')[0]!
    const workloads = [{ name: workload, kind: 'Deployment' }]
    this.ids.set(name, this.table.add(endpoint({ namespace: 'shop', podName: name, workloads, ...known })))
    this.goneMs.delete(name)
  }

  go(name: string): void {
    this.table.depart(this.ids.get(name)!)
    this.goneMs.set(name, this.nowMs)
  }

  count(handler: Handler, pairs: readonly (readonly [string, string])[], row: FlowRow = TCP_SYN): void {
    const batch = flowBatch(pairs.map(() => row))
    for (const [i, [source, destination]] of pairs.entries()) this.#name(batch, i, source, destination)
    handler.observe(batch)
    this.keeper.end()
  }

  /** Time passes, and the keeper looks every 10 s. */
  pass(ms: number): { gone: number; idle: number } {
    while (this.#sweep !== undefined) this.step()
    const removed = { gone: 0, idle: 0 }
    for (const untilMs = this.nowMs + ms; this.nowMs < untilMs; ) {
      this.nowMs += 10_000
      this.#look()
      for (const { gone = 0, idle = 0 } of this.keeper.sweep()) {
        removed.gone += gone
        removed.idle += idle
      }
    }
    return removed
  }

  /** One step of a sweep. */
  step(): void {
    if (this.#sweep === undefined) {
      this.#look()
      this.#sweep = this.keeper.sweep()
    }
    if (this.#sweep.next().done) this.#sweep = undefined
  }

  #look(): void {
    for (const name of this.ids.keys()) {
      if (!this.goneMs.has(name)) this.missedMs.delete(name)
      else if (!this.missedMs.has(name)) this.missedMs.set(name, this.nowMs)
    }
  }

  #name(batch: FlowBatch, row: number, source: string, destination: string): void {
    batch.columns.sourceEndpoint[row] = this.ids.get(source) ?? 0
    batch.columns.destinationEndpoint[row] = this.ids.get(destination) ?? 0
  }
}

/** The pods of a world that are in the cluster, with flows or without. */
function census(world: World, isThere: (endpoint: Endpoint) => boolean): Census {
  const ends = () => [...world.ids.values()].map((id) => world.table.get(id)).filter(isThere)
  return {
    now: (end) => ends().find(({ podName, namespace }) => podName === end.podName && namespace === end.namespace),
    members: (namespaces) => ends().filter(({ namespace }) => namespaces.has(namespace)),
  }
}

const labelsOf = (family: Family, id: number) =>
  Object.fromEntries((family.labelValues(id) ?? []).map((value, i) => [family.labels[i]!, value]))

const ends = (handler: Handler, name: string) =>
  [...handler.families[0]!.ids()].map((id) => labelsOf(handler.families[0]!, id)[name])

const keeping = suite('SeriesKeeper')

const CONTEXTS: { name: string; which: 'hubble' | 'exact'; options: Options; label: string; value: string }[] = [
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
    const world = new World({ ends: 'pod' })
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
  const world = new World()
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
    const world = new World()
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
  const world = new World()
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
  const world = new World({ ends: 'pod' })
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

keeping('who comes back while a sweep is under way keeps the series that are left', () => {
  const world = new World({ ends: 'pod' })
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

keeping('a pod that changed and has had no flow since keeps its series, as the cluster still knows it', () => {
  const world = new World({ ends: 'pod' })
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
  const world = new World({ ends: 'pod' })
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

keeping('many pods that go at once are removed in several sweeps', () => {
  const world = new World({ ends: 'pod' })
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

keeping('the cluster is asked for many ends in steps, between which flows are counted', () => {
  const world = new World({ ends: 'pod' })
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

keeping('gone_series_ttl: 0 removes nothing; series_ttl removes what does not change', () => {
  const world = new World({ ends: 'pod', gone_series_ttl: 0, series_ttl: 5 * GRACE_MS })
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
  const world = new World({ total_cardinality_limit: 6, ends: 'pod' })
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

keeping('removing and making anew never mixes series, and removes none whose pods were there', () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 40 }), fc.boolean(), (actions, exact) => {
      const world = new World({ ends: 'pod' })
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

keeping.run()
