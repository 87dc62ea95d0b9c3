import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { choiceOf, isObserved } from '../../../src/processors/kubernetes/observe.ts'
import { runningPod, TestCluster } from '../../support/kubernetes-model.ts'

const test = suite('opt-in and opt-out')

const words = [
  { what: 'nothing', metadata: {}, choice: '' },
  { what: 'our annotation', metadata: { annotations: { 'fovea.dev/observe': 'true' } }, choice: 'yes' },
  { what: 'our annotation with no', metadata: { annotations: { 'fovea.dev/observe': 'false' } }, choice: 'no' },
  { what: 'our label', metadata: { labels: { 'fovea.dev/observe': 'false' } }, choice: 'no' },
  {
    what: 'our annotation before our label',
    metadata: { annotations: { 'fovea.dev/observe': 'true' }, labels: { 'fovea.dev/observe': 'false' } },
    choice: 'yes',
  },
  { what: 'Retina’s annotation', metadata: { annotations: { 'retina.sh': 'observe' } }, choice: 'yes' },
  { what: 'anything else', metadata: { annotations: { 'retina.sh': 'x', 'fovea.dev/observe': 'maybe' } }, choice: '' },
] as const

for (const { what, metadata, choice } of words)
  test(`${what} says ${JSON.stringify(choice)}`, () => assert.is(choiceOf(metadata, false), choice))

test('labels that are selected say yes, unless the pod itself says no', () => {
  assert.is(choiceOf({}, true), 'yes')
  assert.is(choiceOf({ annotations: { 'fovea.dev/observe': 'false' } }, true), 'no')
})

test('a pod’s word comes before its namespace’s, and that before the default', () => {
  assert.equal(
    [isObserved('no', 'yes', true), isObserved('', 'no', true), isObserved('', '', false)],
    [false, false, false],
  )
  assert.equal(
    [isObserved('yes', 'no', false), isObserved('', 'yes', false), isObserved('', '', true)],
    [true, true, true],
  )
})

test('flows are wanted where a pod at their ends is observed; without pods the default decides', () => {
  const cluster = new TestCluster()
  const { owners } = cluster.model
  const no = { 'fovea.dev/observe': 'false' }
  cluster.put('pod', runningPod('seen', ['10.1.0.1']))
  cluster.put('pod', runningPod('unseen', ['10.1.0.2'], { annotations: no }))
  const id = (address: string) => {
    const words = new Uint32Array(
      Uint8Array.of(...Array(10).fill(0), 255, 255, ...address.split('.').map(Number)).buffer,
    )
    return cluster.id(words, 0, cluster.nowMs)
  }
  const [seen, unseen, world] = [id('10.1.0.1'), id('10.1.0.2'), 2]
  assert.equal([owners.isWanted(seen, unseen, true), owners.isWanted(unseen, world, true)], [true, false])
  assert.equal([owners.isWanted(world, world, true), owners.isWanted(world, world, false)], [true, false])
  cluster.put('namespace', { metadata: { name: 'default', annotations: no } })
  cluster.model.settle()
  assert.is(owners.isWanted(id('10.1.0.1'), world, true), false)
  cluster.put('pod', runningPod('seen', ['10.1.0.1'], { annotations: { 'fovea.dev/observe': 'true' } }))
  assert.is(owners.isWanted(id('10.1.0.1'), world, true), true)
})

test.run()
